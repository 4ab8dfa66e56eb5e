"""InfoNCE against a queue of earlier keys, the loss of MoCo (arXiv 1911.05722)."""

from torch import Tensor

from eo_losses.checks import check_finite, check_floating, check_pair, check_temperature
from eo_losses.distributed import GatheringLoss, Group, Ranks
from eo_losses.nce import queue_nce


def info_nce(query: Tensor, key: Tensor, queue: Tensor, *, temperature: float = 0.07, normalize: bool = True) -> Tensor:
    """InfoNCE of every query for its key among the rows of a queue (MoCo, arXiv 1911.05722, Eq. 1).

    L = -1/B Σ_i log( exp(q_i·k_i/τ) / (exp(q_i·k_i/τ) + Σ_j exp(q_i·n_j/τ)) ).

    Args:
        query: q, (B, D).
        key: k, (B, D); row i is the positive of query i. Detach it where keys are to carry no gradient.
        queue: Negatives n, (M, D), such as `KeyQueue.keys`.
        temperature: τ; > 0.
        normalize: Divide every row by its length first.

    Returns:
        Scalar, in nats.
    """
    return _info_nce(query, key, queue, Ranks.of(query, gather=False), temperature=temperature, normalize=normalize)


def _info_nce(
    query: Tensor, key: Tensor, queue: Tensor, ranks: Ranks, *, temperature: float, normalize: bool
) -> Tensor:
    check_pair("query", query, "key", key)
    check_negatives("queue", queue, query.shape[1])
    check_temperature(temperature)
    return ranks.mean(queue_nce(query, key, queue, temperature=temperature, normalize=normalize))


def check_negatives(name: str, queue: Tensor, width: int) -> None:
    """Raise unless the queue holds finite rows as wide as the keys."""
    if queue.ndim != 2 or queue.shape[1] != width or len(queue) == 0:
        raise ValueError(
            f"{name} must be (M, {width}), as wide as the keys, got {tuple(queue.shape)}; "
            f"make it with KeyQueue(M, {width})"
        )
    check_floating(name, queue)
    check_finite(name, queue)


class InfoNCELoss(GatheringLoss):
    """`info_nce` with its constants remembered.

    Negatives come from the queue, which `KeyQueue` feeds from all processes; ranks only weigh their mean by their size.
    """

    def __init__(
        self, *, temperature: float = 0.07, normalize: bool = True, gather: bool = True, group: Group = None
    ) -> None:
        super().__init__(gather=gather, group=group)
        check_temperature(temperature)
        self.temperature = temperature
        self.normalize = normalize

    def forward(self, query: Tensor, key: Tensor, queue: Tensor) -> Tensor:
        """Loss of queries (B, D) and their keys (B, D) against a queue (M, D)."""
        return _info_nce(query, key, queue, self.ranks(query), temperature=self.temperature, normalize=self.normalize)
