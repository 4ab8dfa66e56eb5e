"""Supervised contrast (SupCon, arXiv 2004.11362) by labels, by several labels each, or by any weights."""

import math

import torch
from torch import Tensor

from eo_losses.checks import (
    check_choice,
    check_finite,
    check_floating,
    check_pairs,
    check_positive,
    check_range,
    check_temperature,
)
from eo_losses.distributed import GatheringLoss, Group, Ranks
from eo_losses.features import rows
from eo_losses.similarity import KINDS, check_labels
from eo_losses.tiles import log_sum_exp
from eo_losses.weights import PairWeights, weighted_sum


def supcon(
    features: Tensor,
    labels: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    temperature: float = 0.07,
    base_temperature: float | None = None,
    anchors: str = "all",
    summation: str = "outside",
    kind: str = "overlap",
    empty: str = "zero",
    normalize: bool = True,
) -> Tensor:
    """Supervised contrastive loss (arXiv 2004.11362) of V views of each of B samples.

    With p_ij = exp(z_i·z_j/τ) / Σ_{k≠i} exp(z_i·z_k/τ) over the B·V views and w_ij >= 0 (j ≠ i) the weight of a pair,
    "outside" averages -Σ_j w_ij log p_ij / Σ_j w_ij over the anchors (Eq. 2) and "inside" averages
    -log( Σ_j w_ij p_ij / Σ_j w_ij ) (Eq. 3); both are multiplied by τ / base temperature.

    Args:
        features: (B, V, D); axes after the second are flattened. Two sensors of a place may be its views, or samples.
        labels: Integer ids (B,), w = 1 where they agree; or multi-hot (B, K), w = `label_similarity`. Without labels
            and mask, w = 1 for the other views of the same sample, which is SimCLR.
        mask: w itself, (B, B), of any number type, >= 0, also soft or asymmetric; rows are anchors.
        temperature: τ; > 0.
        base_temperature: Only scales the loss; None takes `temperature`. HobbitLong/SupContrast:losses.py has 0.07.
        anchors: "all" views, or the "first" of each sample; candidates are all views of all samples either way.
        summation: "outside" or "inside" the logarithm.
        kind: Of `label_similarity`, for multi-hot labels.
        empty: Anchors without a positive count as "zero" in the average, are left out of it ("skip"), or "raise".
        normalize: Divide every view by its length first.

    Returns:
        Scalar, in nats; 0 for one view, or two of one sample, which have nothing to be told apart from.
    """
    return _supcon(
        features,
        labels,
        mask,
        Ranks.of(features, gather=False),
        temperature=temperature,
        base_temperature=base_temperature,
        anchors=anchors,
        summation=summation,
        kind=kind,
        empty=empty,
        normalize=normalize,
    )


def _supcon(
    features: Tensor,
    labels: Tensor | None,
    mask: Tensor | None,
    ranks: Ranks,
    *,
    temperature: float,
    base_temperature: float | None,
    anchors: str,
    summation: str,
    kind: str,
    empty: str,
    normalize: bool,
) -> Tensor:
    _check_constants(temperature, base_temperature, anchors, summation, kind, empty)
    _check_features(features)
    weights, own_weight = _pair_weights(features, labels, mask, kind, ranks)
    (views,) = rows(features.flatten(2), normalize=normalize)  # (B, V, D)
    everyone = ranks.gather(views)  # (N, V, D)
    chosen = views if anchors == "all" else views[:, :1]  # (B, A, D)
    similar, weight = _positives(chosen, views, everyone, weights, own_weight, ranks)  # (B, A, D), (B, 1)
    log_all = _log_sum_exp(chosen, everyone, None, ranks, temperature)  # (B, A)
    if summation == "outside":
        log_p = (chosen * similar).sum(2) / weight.where(weight > 0, 1) * (1 / temperature) - log_all
    else:
        log_p = _log_sum_exp(chosen, everyone, weights, ranks, temperature) - weight.log() - log_all
    loss = torch.where(weight > 0, -log_p, 0)
    if everyone.shape[:2].numel() <= 2:
        loss = loss * 0  # nothing to be told apart from: 0 but for rounding, and attached to the graph
    return _mean(loss, (weight > 0).expand_as(loss), empty, ranks) * temperature / (base_temperature or temperature)


def _positives(
    chosen: Tensor, views: Tensor, everyone: Tensor, weights: PairWeights, own_weight: Tensor, ranks: Ranks
) -> tuple[Tensor, Tensor]:
    """Σ_j w_ij z_j over all views but the anchor itself, (B, A, D), and Σ_j w_ij, (B, 1).

    A weight belongs to two samples, so the views of a sample are summed first: no pair of views is ever made.
    """
    v = views.shape[1]
    of_samples = torch.cat([everyone.sum(1), everyone.new_full((len(everyone), 1), v)], dim=1)  # (N, D + 1)
    others = weighted_sum(of_samples, weights, own=ranks.first)[:, None]  # (B, 1, D + 1)
    own_weight = own_weight.to(views.dtype)[:, None]
    siblings = views.sum(1, keepdim=True) - chosen
    return others[..., :-1] + own_weight[..., None] * siblings, others[..., -1] + own_weight * (v - 1)


def _log_sum_exp(
    chosen: Tensor, everyone: Tensor, weights: PairWeights | None, ranks: Ranks, temperature: float
) -> Tensor:
    """log Σ_j w_ij exp(z_i·z_j/τ) over all views but the anchor itself, (B, A)."""
    (b, a, _), v = chosen.shape, everyone.shape[1]
    itself = torch.arange(ranks.first * v, (ranks.first + b) * v, device=chosen.device).view(b, v)[:, :a]
    symmetric = ranks.alone and a == v and weights is None
    candidates = None if symmetric else everyone.flatten(0, 1)
    exclude = itself.reshape(-1, 1)
    return log_sum_exp(chosen.flatten(0, 1), candidates, scale=1 / temperature, exclude=exclude, weights=weights).view(
        b, a
    )


def _mean(loss: Tensor, found: Tensor, empty: str, ranks: Ranks) -> Tensor:
    """Average over the anchors of all ranks; `found` says which of them have a positive."""
    if empty == "zero":
        return ranks.mean(loss)
    count, total = ranks.sum(found.sum()), ranks.total * loss.shape[1]
    if empty == "skip":
        return loss.sum() * len(ranks.sizes) / count.clamp(min=1)
    if not torch.compiler.is_compiling() and count < total:
        raise ValueError(
            f"{total - int(count)} of {total} anchors have no positive; draw two samples of every class or two views "
            "of every sample, or choose empty='zero' or empty='skip'"
        )
    return ranks.mean(loss)


def _pair_weights(
    features: Tensor, labels: Tensor | None, mask: Tensor | None, kind: str, ranks: Ranks
) -> tuple[PairWeights, Tensor]:
    """Weights of this rank's samples with those of all ranks, and of each sample with itself, (B,)."""
    batch, first = len(features), ranks.first
    if labels is not None and mask is not None:
        raise ValueError("labels and mask were both given, and both say which pairs are positive; give one of them")
    if mask is not None:
        check_pairs("mask", mask, (batch, ranks.total))
        check_range("mask", mask, 0, math.inf, "a pair cannot weigh less than nothing; clamp or shift the weights")
        return PairWeights(mask, None, "matrix"), mask[:, first : first + batch].diagonal()
    if labels is not None and labels.ndim == 2:
        check_labels("labels", labels, batch, kind)
        return PairWeights.of(labels, ranks.gather(labels), kind), (labels != 0).any(1)
    if labels is None:
        labels = torch.arange(first, first + batch, device=features.device)
    if labels.shape != (batch,):
        raise ValueError(
            f"labels must be ids ({batch},) or multi-hot ({batch}, K) for {batch} samples, got {tuple(labels.shape)}"
        )
    if labels.is_floating_point():
        raise ValueError(
            f"labels (B,) must be integer ids, got {labels.dtype}, which rounds large ids; use labels.long()"
        )
    return PairWeights.of(labels, ranks.gather(labels), "equal"), torch.ones_like(labels)


def _check_features(features: Tensor) -> None:
    if features.ndim < 3 or 0 in features.shape:
        raise ValueError(
            f"features must be (B, V, D) with no empty axis, got {tuple(features.shape)}; "
            "one view of each sample is features[:, None]"
        )
    check_floating("features", features)
    check_finite("features", features)


def _check_constants(
    temperature: float, base_temperature: float | None, anchors: str, summation: str, kind: str, empty: str
) -> None:
    check_temperature(temperature)
    if base_temperature is not None:
        check_positive("base_temperature", base_temperature, "the temperature itself")
    check_choice("anchors", anchors, ("all", "first"))
    check_choice("summation", summation, ("outside", "inside"))
    check_choice("kind", kind, KINDS)
    check_choice("empty", empty, ("zero", "skip", "raise"))


class SupConLoss(GatheringLoss):
    """`supcon` with its constants remembered; in a process group, against the views of all ranks."""

    def __init__(
        self,
        *,
        temperature: float = 0.07,
        base_temperature: float | None = None,
        anchors: str = "all",
        summation: str = "outside",
        kind: str = "overlap",
        empty: str = "zero",
        normalize: bool = True,
        gather: bool = True,
        group: Group = None,
    ) -> None:
        super().__init__(gather=gather, group=group)
        _check_constants(temperature, base_temperature, anchors, summation, kind, empty)
        self.temperature = temperature
        self.base_temperature = base_temperature
        self.anchors = anchors
        self.summation = summation
        self.kind = kind
        self.empty = empty
        self.normalize = normalize

    def forward(self, features: Tensor, labels: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Loss of features (B, V, D); `mask` is (B, N), N samples of all ranks in rank order."""
        return _supcon(
            features,
            labels,
            mask,
            self.ranks(features),
            temperature=self.temperature,
            base_temperature=self.base_temperature,
            anchors=self.anchors,
            summation=self.summation,
            kind=self.kind,
            empty=self.empty,
            normalize=self.normalize,
        )
