"""Seasonal contrast: one InfoNCE per subspace, each blind to other changes (SeCo, arXiv 2103.16607)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from eo_losses.checks import check_pair, check_temperature
from eo_losses.distributed import GatheringLoss, Group, Ranks
from eo_losses.moco import check_negatives
from eo_losses.nce import queue_nce


def seco(
    queries: Sequence[Tensor],
    keys: Sequence[Sequence[Tensor]],
    queues: Sequence[Tensor],
    *,
    temperature: float = 0.07,
    normalize: bool = True,
) -> Tensor:
    """Sum over subspaces of InfoNCE (SeCo, arXiv 2103.16607; ServiceNow/seasonal-contrast:models/moco2_module.py).

    In subspace i the key of view i is the positive. Negatives are queue i and, for i > 0, the keys of all other views j
    of the whole batch: so subspace 0 learns to ignore every change and subspace i > 0 keeps what sets view i apart.

    Args:
        queries: The query view through each head, queries[i] (B, D).
        keys: keys[i][j] (B, D), key view j through key head i. Of subspace 0 only keys[0][0] is read.
        queues: Earlier keys of each subspace, queues[i] (M, D).
        temperature: τ; > 0.
        normalize: Divide every row by its length first.

    Returns:
        Scalar, in nats, summed over subspaces and averaged over the batch.
    """
    _check_subspaces(queries, keys, queues)
    ranks = Ranks.of(queries[0], gather=False)
    return _seco(queries, keys, queues, ranks, temperature=temperature, normalize=normalize)


def _seco(
    queries: Sequence[Tensor],
    keys: Sequence[Sequence[Tensor]],
    queues: Sequence[Tensor],
    ranks: Ranks,
    *,
    temperature: float,
    normalize: bool,
) -> Tensor:
    check_temperature(temperature)
    terms = []
    for i, (query, views, queue) in enumerate(zip(queries, keys, queues, strict=True)):
        others = [ranks.gather(view) for j, view in enumerate(views) if i > 0 and j != i]
        negatives = torch.cat([queue, *others])
        terms.append(queue_nce(query, views[i], negatives, temperature=temperature, normalize=normalize))
    return ranks.mean(torch.stack(terms).sum(0))


def _check_subspaces(queries: Sequence[Tensor], keys: Sequence[Sequence[Tensor]], queues: Sequence[Tensor]) -> None:
    n = len(queries)
    views = [len(k) for k in keys]
    if not (len(keys) == len(queues) == n > 0 and 0 < views[0] <= n and all(v == n for v in views[1:])):
        raise ValueError(
            f"{n} queries ask for {n} queues and {n} lists of {n} keys, got {len(queues)} queues, lists of {views} keys"
        )
    for i in range(n):
        for j, key in enumerate(keys[i]):
            check_pair(f"queries[{i}]", queries[i], f"keys[{i}][{j}]", key)
        check_negatives(f"queues[{i}]", queues[i], queries[i].shape[1])


class SeCoLoss(GatheringLoss):
    """`seco` with its constants remembered; in a process group, in-batch negatives come from all ranks.

    The authors' code takes them from each rank's own batch: that is `gather=False`.
    """

    def __init__(
        self, *, temperature: float = 0.07, normalize: bool = True, gather: bool = True, group: Group = None
    ) -> None:
        super().__init__(gather=gather, group=group)
        check_temperature(temperature)
        self.temperature = temperature
        self.normalize = normalize

    def forward(self, queries: Sequence[Tensor], keys: Sequence[Sequence[Tensor]], queues: Sequence[Tensor]) -> Tensor:
        """Loss of queries[i] (B, D) for keys[i][i] (B, D) against queues[i] (M, D) and, for i > 0, other keys[i][j]."""
        _check_subspaces(queries, keys, queues)
        ranks = self.ranks(queries[0])
        return _seco(queries, keys, queues, ranks, temperature=self.temperature, normalize=self.normalize)
