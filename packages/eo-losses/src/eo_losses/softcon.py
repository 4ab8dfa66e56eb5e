"""SoftCon: instance contrast plus a soft contrast towards label similarities (arXiv 2405.20462)."""

import math

import torch
from torch import Tensor

from eo_losses.checks import check_choice, check_pair, check_pairs, check_range, check_temperature
from eo_losses.distributed import GatheringLoss, Group, Ranks
from eo_losses.features import rows
from eo_losses.nce import in_batch_nce
from eo_losses.similarity import KINDS, check_labels
from eo_losses.tiles import sum_softplus
from eo_losses.weights import PairWeights, weighted_sum


def soft_contrast(
    z1: Tensor, z2: Tensor, targets: Tensor, *, valid: Tensor | None = None, normalize: bool = True
) -> Tensor:
    """Binary cross-entropy of every similarity with its target: SoftCon's soft loss on targets of any origin.

    L = -1/n Σ_ij [ t_ij log σ(z1_i·z2_j) + (1 - t_ij) log(1 - σ(z1_i·z2_j)) ] over the n valid pairs; the similarity
    itself is the logit, without temperature.

    Args:
        z1: Embeddings of one view, (B, D).
        z2: Embeddings of the other, (B, D).
        targets: Wanted similarity of row i of `z1` with row j of `z2`, (B, B) in [0, 1].
        valid: Pairs that count, (B, B) bool; None counts all.
        normalize: Divide every row by its length first.

    Returns:
        Scalar, in nats, averaged over the valid pairs; 0 where there is none.
    """
    return _soft_contrast(z1, z2, targets, valid, Ranks.of(z1, gather=False), normalize=normalize)


def _soft_contrast(
    z1: Tensor, z2: Tensor, targets: Tensor, valid: Tensor | None, ranks: Ranks, *, normalize: bool
) -> Tensor:
    check_pair("z1", z1, "z2", z2)
    check_pairs("targets", targets, (len(z1), ranks.total))
    check_range("targets", targets, 0, 1, "divide similarities by their largest value")
    if valid is not None:
        check_pairs("valid", valid, (len(z1), ranks.total))
        if valid.dtype != torch.bool:
            raise ValueError(
                f"valid must be bool, which pairs count, got {valid.dtype}; weigh pairs with supcon's mask"
            )
    z1, z2 = rows(z1, z2, normalize=normalize)
    counted = None if valid is None else PairWeights(valid, None, "matrix")
    count = torch.tensor(targets.numel(), device=z1.device) if valid is None else valid.sum()
    return _soft_term(z1, ranks.gather(z2), counted, PairWeights(targets, valid, "matrix"), count, ranks)


def _soft_term(
    z1: Tensor, z2: Tensor, counted: PairWeights | None, targets: PairWeights, count: Tensor, ranks: Ranks
) -> Tensor:
    """Binary cross-entropy Σ_ij [ v_ij log(1 + exp(z1_i·z2_j)) - t_ij z1_i·z2_j ] / Σ_ij v_ij, summed over all ranks.

    The second half is linear and needs no similarities: Σ_j t_ij z1_i·z2_j = z1_i · Σ_j t_ij z2_j.
    """
    total = sum_softplus(z1, z2, weights=counted).sum() - (z1 * weighted_sum(z2, targets)).sum()
    return total * len(ranks.sizes) / ranks.sum(count).clamp(min=1)


class SoftContrastLoss(GatheringLoss):
    """`soft_contrast` with its constants remembered; in a process group, against the `z2` of all ranks."""

    def __init__(self, *, normalize: bool = True, gather: bool = True, group: Group = None) -> None:
        super().__init__(gather=gather, group=group)
        self.normalize = normalize

    def forward(self, z1: Tensor, z2: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Loss of embeddings (B, D); `targets` and `valid` are (B, N), N samples of all ranks in rank order."""
        return _soft_contrast(z1, z2, targets, valid, self.ranks(z1), normalize=self.normalize)


def softcon(
    online: Tensor,
    target: Tensor,
    labels1: Tensor,
    labels2: Tensor | None = None,
    *,
    temperature: float = 0.1,
    soft_weight: float = 0.1,
    kind: str = "cosine",
    symmetric: bool = False,
    normalize: bool = True,
) -> Tensor:
    """Instance contrast and, weighted, soft contrast of a trained view with a target view (SoftCon, arXiv 2405.20462).

    L = -1/B Σ_i log( exp(z_i·z'_i/τ) / Σ_j exp(z_i·z'_j/τ) ) + w · soft_contrast(z, z', s), s the similarity of labels.
    Samples without any label stay out of the soft term, as rows and as columns, but in the instance term.

    Args:
        online: Embeddings z of the trained branch, (B, D).
        target: Embeddings z' of the target branch (a moving average, without gradient), (B, D); row i matches row i.
        labels1: Multi-hot labels of the `online` views, (B, K); a row of zeros is unlabelled.
        labels2: Those of the `target` views, where they differ (two seasons); None takes `labels1`.
        temperature: τ of the instance term; > 0.
        soft_weight: w >= 0; 0.1 is the published value.
        kind: Of `label_similarity`; "cosine" is the published one.
        symmetric: Take the instance term in both directions, `target` rows among `online` rows too, and average.
        normalize: Divide every row by its length first.

    Returns:
        Scalar, in nats.
    """
    return _softcon(
        online,
        target,
        labels1,
        labels2,
        Ranks.of(online, gather=False),
        temperature=temperature,
        soft_weight=soft_weight,
        kind=kind,
        symmetric=symmetric,
        normalize=normalize,
    )


def _softcon(
    online: Tensor,
    target: Tensor,
    labels1: Tensor,
    labels2: Tensor | None,
    ranks: Ranks,
    *,
    temperature: float,
    soft_weight: float,
    kind: str,
    symmetric: bool,
    normalize: bool,
) -> Tensor:
    labels2 = labels1 if labels2 is None else labels2
    check_pair("online", online, "target", target)
    _check_constants(temperature, soft_weight, kind)
    check_labels("labels1", labels1, len(online), kind)
    check_labels("labels2", labels2, len(online), kind)
    if labels1.shape != labels2.shape:
        got = f"{tuple(labels1.shape)} and {tuple(labels2.shape)}"
        raise ValueError(f"labels1 and labels2 must have the same K classes, got {got}")
    z1, z2 = rows(online, target, normalize=normalize)
    y1, y2 = labels1.to(z1.dtype), ranks.gather(labels2.to(z1.dtype))
    everyone = ranks.gather(z2)
    instance = in_batch_nce(z1, everyone, ranks, temperature=temperature)
    if symmetric:
        instance = (instance + in_batch_nce(z2, ranks.gather(z1), ranks, temperature=temperature)) / 2
    labelled1, labelled2 = (y1 != 0).any(1), (y2 != 0).any(1)
    both = PairWeights.of(labelled1, labelled2, "product")
    soft = _soft_term(z1, everyone, both, PairWeights.of(y1, y2, kind), labelled1.sum() * labelled2.sum(), ranks)
    return ranks.mean(instance) + soft_weight * soft


def _check_constants(temperature: float, soft_weight: float, kind: str) -> None:
    check_temperature(temperature)
    check_choice("kind", kind, KINDS)
    if not 0 <= soft_weight < math.inf:
        raise ValueError(f"soft_weight must be a finite number >= 0, got {soft_weight}; 0.1 is usual")


class SoftConLoss(GatheringLoss):
    """`softcon` with its constants remembered; in a process group, against the `target` rows of all ranks."""

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        soft_weight: float = 0.1,
        kind: str = "cosine",
        symmetric: bool = False,
        normalize: bool = True,
        gather: bool = True,
        group: Group = None,
    ) -> None:
        super().__init__(gather=gather, group=group)
        _check_constants(temperature, soft_weight, kind)
        self.temperature = temperature
        self.soft_weight = soft_weight
        self.kind = kind
        self.symmetric = symmetric
        self.normalize = normalize

    def forward(self, online: Tensor, target: Tensor, labels1: Tensor, labels2: Tensor | None = None) -> Tensor:
        """Loss of embeddings (B, D) and (B, D) with their multi-hot labels (B, K)."""
        return _softcon(
            online,
            target,
            labels1,
            labels2,
            self.ranks(online),
            temperature=self.temperature,
            soft_weight=self.soft_weight,
            kind=self.kind,
            symmetric=self.symmetric,
            normalize=self.normalize,
        )
