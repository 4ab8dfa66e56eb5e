"""The shared core: what a loss needs of the similarities of all pairs, tile by tile.

The similarities of N anchors with M candidates are never held at once. The forward pass folds one tile after another
into one total per anchor (an online log-sum-exp); the backward pass makes every tile again and spends it on the
gradient. Memory is linear in N and M, plus one tile. Where all pairs fit one tile it is kept and not made again.

The work is done in custom operators, so that a compiler takes them whole instead of unrolling their loops.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses.blocks import blocks, side
from eo_losses.weights import PairWeights


def log_sum_exp(
    anchors: Tensor,
    candidates: Tensor | None,
    *,
    scale: float,
    exclude: Tensor | None = None,
    weights: PairWeights | None = None,
) -> Tensor:
    """log Σ_j w_ij exp(scale · anchor_i · candidate_j) for every anchor i; the least finite number where none is left.

    Args:
        anchors: (N, D).
        candidates: (M, D); None says the anchors themselves, which halves the work (then `exclude` must be mutual).
        scale: One over the temperature.
        exclude: Candidates that an anchor does not meet, as indices (N, E).
        weights: Of pairs of samples; with V views of each, row i of the anchors (candidates) belongs to sample i // V.

    Returns:
        (N,).
    """
    peak, mass, _ = torch.ops.eo_losses.fold.default(
        anchors, candidates, scale, exclude, *(weights or (None, None, "")), "log_sum_exp"
    )
    total: Tensor = peak + mass.log()
    return total


def sum_softplus(anchors: Tensor, candidates: Tensor, *, weights: PairWeights | None = None) -> Tensor:
    """Σ_j w_ij log(1 + exp(anchor_i · candidate_j)) for every anchor i, (N,)."""
    total: Tensor = torch.ops.eo_losses.fold.default(
        anchors, candidates, 1.0, None, *(weights or (None, None, "")), "sum_softplus"
    )[1]
    return total


class _Pairs(NamedTuple):
    """All pairs of anchors and candidates, and how to make one tile of their similarities."""

    anchors: Tensor
    candidates: Tensor
    scale: float
    exclude: Tensor | None
    weights: PairWeights | None
    symmetric: bool

    @classmethod
    def of(
        cls,
        anchors: Tensor,
        candidates: Tensor | None,
        scale: float,
        exclude: Tensor | None,
        left: Tensor | None,
        right: Tensor | None,
        kind: str,
    ) -> "_Pairs":
        weights = None if left is None else PairWeights(left, right, kind)
        symmetric = candidates is None
        return cls(anchors, anchors if candidates is None else candidates, scale, exclude, weights, symmetric)

    def tiles(self) -> list[tuple[slice, slice]]:
        return blocks(len(self.anchors), len(self.candidates), self.anchors.device, upper=self.symmetric)

    def similarity(self, rows: slice, columns: slice) -> Tensor:
        """Similarities of one tile; the excluded ones are -inf, which every fold counts as nothing."""
        a, c = self.anchors[rows], self.candidates[columns]
        s = torch.addmm(a.new_zeros(1), a, c.T, beta=0, alpha=self.scale)
        if self.exclude is not None and len(c) == len(self.candidates):
            s.scatter_(1, self.exclude[rows], -torch.inf)
        elif self.exclude is not None:
            for exclude in self.exclude[rows].unbind(1):
                j = (exclude - columns.start)[:, None]
                inside, j = (j >= 0) & (j < len(c)), j.clamp(0, len(c) - 1)
                s.scatter_(1, j, s.gather(1, j).masked_fill(inside, -torch.inf))
        return s

    def weight(self, rows: slice, columns: slice) -> Tensor | None:
        """Weights of one tile, every view taking those of its sample."""
        if self.weights is None:
            return None
        b, n = self.weights.size
        samples = _samples(self.anchors, rows, b), _samples(self.candidates, columns, n)
        return self.weights.tile(*samples, self.anchors.dtype)


def _samples(x: Tensor, rows: slice, samples: int) -> slice | Tensor:
    views = len(x) // samples
    return rows if views == 1 else torch.arange(rows.start, rows.stop, device=x.device) // views


def _exp(x: Tensor) -> Tensor:
    """exp(x) in place for x <= 0; e^-80 stands for all that is less, for to underflow takes a CPU 100 times as long."""
    return x.clamp_(min=-80).exp_()


def _added(peak: Tensor, mass: Tensor, s: Tensor, w: Tensor | None, fold: str, dim: int) -> tuple[Tensor, Tensor]:
    """What is held of every anchor with one more tile counted: Σ exp(s) = mass · exp(peak), or mass alone."""
    if fold == "sum_softplus":
        terms = F.softplus(s, threshold=40)  # beyond 40 it is s itself, in float64 too
        return peak, mass + (terms if w is None else terms * w).sum(dim)
    s = s if w is None else s + w.log()
    top = torch.maximum(peak, s.amax(dim))
    return top, mass * _exp(peak - top) + _exp(s - top.unsqueeze(dim)).sum(dim)


def _slope(peak: Tensor, gain: Tensor, s: Tensor, w: Tensor | None, fold: str) -> Tensor:
    """How the loss grows with each similarity of a tile; `gain` is how it grows with the anchor's mass."""
    if fold == "sum_softplus":
        return s.sigmoid().mul_(gain if w is None else gain * w)
    return _exp((s if w is None else s + w.log()) - peak).mul_(gain)


_ARGUMENTS = (
    "Tensor anchors, Tensor? candidates, float scale, Tensor? exclude, Tensor? left, Tensor? right, str kind, str fold"
)


torch.library.define("eo_losses::fold", f"({_ARGUMENTS}) -> (Tensor, Tensor, Tensor)")


@torch.library.impl("eo_losses::fold", "default")
def _fold(
    anchors: Tensor,
    candidates: Tensor | None,
    scale: float,
    exclude: Tensor | None,
    left: Tensor | None,
    right: Tensor | None,
    kind: str,
    fold: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Peak and mass of every anchor, and the similarities themselves where they are but one tile."""
    pairs = _Pairs.of(anchors, candidates, scale, exclude, left, right, kind)
    tiles = pairs.tiles()
    peak = anchors.new_full((len(anchors),), torch.finfo(anchors.dtype).min)  # finite: all may be excluded
    mass = torch.zeros_like(peak)
    with torch.autocast(anchors.device.type, enabled=False):
        for rows, columns in tiles:
            s, w = pairs.similarity(rows, columns), pairs.weight(rows, columns)
            peak[rows], mass[rows] = _added(peak[rows], mass[rows], s, w, fold, dim=1)
            if pairs.symmetric and rows != columns:  # the tile stands for its mirror image too
                peak[columns], mass[columns] = _added(peak[columns], mass[columns], s, w, fold, dim=0)
    return peak, mass, s if len(tiles) == 1 else anchors.new_empty(0)


@torch.library.register_fake("eo_losses::fold")  # type: ignore[untyped-decorator]
def _(anchors: Tensor, candidates: Tensor | None, *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    n, m, most = len(anchors), len(anchors if candidates is None else candidates), side(anchors.device)
    kept = anchors.new_empty((n, m) if n <= most and m <= most else 0)
    return anchors.new_empty(n), anchors.new_empty(n), kept


torch.library.define(
    "eo_losses::fold_backward", f"(Tensor gain, Tensor peak, Tensor kept, bool both, {_ARGUMENTS}) -> (Tensor, Tensor)"
)


@torch.library.impl("eo_losses::fold_backward", "default")
def _fold_backward(
    gain: Tensor,
    peak: Tensor,
    kept: Tensor,
    both: bool,
    anchors: Tensor,
    candidates: Tensor | None,
    scale: float,
    exclude: Tensor | None,
    left: Tensor | None,
    right: Tensor | None,
    kind: str,
    fold: str,
) -> tuple[Tensor, Tensor]:
    """Gradient by the anchors and, if `both`, by the candidates."""
    pairs = _Pairs.of(anchors, candidates, scale, exclude, left, right, kind)
    by_anchors = torch.zeros_like(anchors)
    by_candidates = by_anchors if pairs.symmetric else torch.zeros_like(pairs.candidates) if both else gain.new_empty(0)
    with torch.autocast(anchors.device.type, enabled=False):
        for rows, columns in pairs.tiles():
            s, w = kept if len(kept) else pairs.similarity(rows, columns), pairs.weight(rows, columns)
            slope = _slope(peak[rows, None], gain[rows, None], s, w, fold)
            if pairs.symmetric:  # the tile stands for its mirror image too
                slope += _slope(peak[columns], gain[columns], s, w, fold)
            by_anchors[rows].addmm_(slope, pairs.candidates[columns], alpha=scale)
            if both and not (pairs.symmetric and rows == columns):
                by_candidates[columns].addmm_(slope.T, anchors[rows], alpha=scale)
    return by_anchors, gain.new_empty(0) if pairs.symmetric else by_candidates


@torch.library.register_fake("eo_losses::fold_backward")  # type: ignore[untyped-decorator]
def _(
    gain: Tensor, peak: Tensor, kept: Tensor, both: bool, anchors: Tensor, candidates: Tensor | None, *_: Any
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(anchors), gain.new_empty(0 if candidates is None or not both else candidates.shape)


def _refuse(ctx: Any, *_: Tensor) -> None:
    raise RuntimeError(
        "these losses have a first derivative only; take the second of a dense loss, if it fits in memory"
    )


torch.library.register_autograd("eo_losses::fold_backward", _refuse)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    anchors, candidates, scale, exclude, left, right, kind, fold = inputs
    peak, _, kept = output
    ctx.save_for_backward(peak, kept, anchors, candidates, exclude, left, right)
    ctx.mark_non_differentiable(peak, kept)
    ctx.constants = scale, kind, fold


def _differentiate(ctx: Any, _: Tensor, gain: Tensor, __: Tensor) -> tuple[Tensor | None, ...]:
    """The peak is a mere choice of units: what counts is how the loss grows with the mass, in units of exp(peak)."""
    peak, kept, anchors, candidates, exclude, left, right = ctx.saved_tensors
    scale, kind, fold = ctx.constants
    both = candidates is None or ctx.needs_input_grad[1]
    by_anchors, by_candidates = torch.ops.eo_losses.fold_backward.default(
        gain, peak, kept, both, anchors, candidates, scale, exclude, left, right, kind, fold
    )
    return by_anchors, None if candidates is None or not both else by_candidates, *[None] * 6


torch.library.register_autograd("eo_losses::fold", _differentiate, setup_context=_remember)
