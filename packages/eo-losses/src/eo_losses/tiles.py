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
from eo_losses.features import full_precision
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
    total: Tensor = _Fold.apply(anchors, candidates, scale, exclude, *(weights or (None, None, "")), "log_sum_exp")
    return total


def sum_softplus(anchors: Tensor, candidates: Tensor, *, weights: PairWeights | None = None) -> Tensor:
    """Σ_j w_ij log(1 + exp(anchor_i · candidate_j)) for every anchor i, (N,)."""
    total: Tensor = _Fold.apply(anchors, candidates, 1.0, None, *(weights or (None, None, "")), "sum_softplus")
    return total


class _Fold(torch.autograd.Function):
    """One total per anchor, forward and backward by tiles."""

    @staticmethod
    def forward(
        ctx: Any,
        anchors: Tensor,
        candidates: Tensor | None,
        scale: float,
        exclude: Tensor | None,
        left: Tensor | None,
        right: Tensor | None,
        kind: str,
        fold: str,
    ) -> Tensor:
        operator = torch.ops.eo_losses.fold if torch.compiler.is_compiling() else _fold
        peak, mass, kept = operator(anchors, candidates, scale, exclude, left, right, kind, fold)
        ctx.save_for_backward(peak, mass, kept, anchors, candidates, exclude, left, right)
        ctx.constants = scale, kind, fold
        total: Tensor = peak + mass.log() if fold == "log_sum_exp" else mass
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        peak, mass, kept, anchors, candidates, exclude, left, right = ctx.saved_tensors
        scale, kind, fold = ctx.constants
        gain = grad / mass if fold == "log_sum_exp" else grad  # how the loss grows with the mass
        both = candidates is None or ctx.needs_input_grad[1]
        # the operator, not the function, refuses a second derivative
        whole = torch.compiler.is_compiling() or torch.is_grad_enabled()
        operator = torch.ops.eo_losses.fold_backward if whole else _fold_backward
        by_anchors, by_candidates = operator(
            gain, peak, kept, both, anchors, candidates, scale, exclude, left, right, kind, fold
        )
        return by_anchors, by_candidates if ctx.needs_input_grad[1] else None, *[None] * 6


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
        return blocks(self.anchors.shape[0], self.candidates.shape[0], self.anchors.device, upper=self.symmetric)

    def similarity(self, rows: slice, columns: slice) -> Tensor:
        """Similarities of one tile; the excluded ones are -inf, which every fold counts as nothing."""
        a, c = self.anchors[rows], self.candidates[columns]
        s = torch.addmm(a.new_zeros(1), a, c.T, beta=0, alpha=self.scale)
        if self.exclude is not None and c.shape[0] == self.candidates.shape[0]:
            s.scatter_(1, self.exclude[rows], -torch.inf)
        elif self.exclude is not None:
            for exclude in self.exclude[rows].unbind(1):
                j = (exclude - columns.start)[:, None]
                inside, j = (j >= 0) & (j < c.shape[0]), j.clamp(0, c.shape[0] - 1)
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
    views = x.shape[0] // samples
    return rows if views == 1 else torch.arange(rows.start, rows.stop, device=x.device) // views


def _exp(x: Tensor) -> Tensor:
    """exp(x) in place for x <= 0, where e^-60 stands for all that is less.

    That is nothing beside the 1 of every peak, and a CPU takes 100 times as long over numbers too small to be normal.
    """
    return x.clamp_(min=-60).exp_()


def _reduced(s: Tensor, w: Tensor | None, fold: str, dim: int) -> tuple[Tensor, Tensor]:
    """Peak and mass of one tile: Σ w exp(s) = mass · exp(peak), or mass = Σ w softplus(s). Writes over the tile."""
    if fold == "sum_softplus":
        terms = F.softplus(s, threshold=40)  # beyond 40 it is s itself, in float64 too
        mass = (terms if w is None else terms.mul_(w)).sum(dim)
        return torch.zeros_like(mass), mass
    s = s if w is None else s.add_(w.log())
    peak = s.amax(dim, keepdim=True).clamp_(min=torch.finfo(s.dtype).min)  # finite, though all be excluded
    return peak.squeeze(dim), _exp(s.sub_(peak)).sum(dim)


def _merge(peak: Tensor, mass: Tensor, other_peak: Tensor, other_mass: Tensor) -> None:
    """Counts a tile in, in place: both masses in units of the higher peak."""
    top = torch.maximum(peak, other_peak)
    mass.mul_(_exp(peak - top)).add_(other_mass.mul_(_exp(other_peak - top)))
    peak.copy_(top)


def _slope(s: Tensor, w: Tensor | None, peak: Tensor, gain: Tensor, fold: str) -> Tensor:
    """How the loss grows with each similarity, `gain` being how it grows with the mass. Writes over the tile."""
    if fold == "sum_softplus":
        return s.sigmoid_().mul_(gain if w is None else gain * w)
    s = s if w is None else s.add_(w.log())
    return _exp(s.sub_(peak)).mul_(gain)


def _slope_of_tile(
    pairs: _Pairs, rows: slice, columns: slice, kept: Tensor, peak: Tensor, gain: Tensor, fold: str
) -> Tensor:
    if kept.shape[0] and fold == "log_sum_exp":
        slope = kept * gain[:, None]  # exp(s - peak) was kept
    else:
        s, w = kept.clone() if kept.shape[0] else pairs.similarity(rows, columns), pairs.weight(rows, columns)
        if pairs.symmetric and rows != columns:
            mirrored = _slope(s.clone(), w, peak[columns], gain[columns], fold)
            return _slope(s, w, peak[rows, None], gain[rows, None], fold).add_(mirrored)
        slope = _slope(s, w, peak[rows, None], gain[rows, None], fold)
    return slope.add_(slope.T.contiguous()) if pairs.symmetric else slope


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
    """Peak and mass of every anchor, and what was made of the tile if it is but one."""
    pairs = _Pairs.of(anchors, candidates, scale, exclude, left, right, kind)
    tiles = pairs.tiles()
    with full_precision(anchors):
        if len(tiles) == 1:
            s = pairs.similarity(*tiles[0])
            return *_reduced(s, pairs.weight(*tiles[0]), fold, dim=1), s
        peak = anchors.new_full((anchors.shape[0],), torch.finfo(anchors.dtype).min)
        mass = torch.zeros_like(peak)
        for rows, columns in tiles:
            s, w = pairs.similarity(rows, columns), pairs.weight(rows, columns)
            if pairs.symmetric and rows != columns:  # the tile stands for its mirror image too
                _merge(peak[columns], mass[columns], *_reduced(s.clone(), w, fold, dim=0))
            _merge(peak[rows], mass[rows], *_reduced(s, w, fold, dim=1))
    return peak, mass, anchors.new_empty(0)


def _fold_shapes(anchors: Tensor, candidates: Tensor | None, *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    n, m, most = anchors.shape[0], len(anchors if candidates is None else candidates), side(anchors.device)
    kept = anchors.new_empty((n, m) if n <= most and m <= most else 0)
    return anchors.new_empty(n), anchors.new_empty(n), kept


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
    with full_precision(anchors):
        for rows, columns in pairs.tiles():
            slope = _slope_of_tile(pairs, rows, columns, kept, peak, gain, fold)
            by_anchors[rows].addmm_(slope, pairs.candidates[columns], alpha=scale)
            if both and not (pairs.symmetric and rows == columns):
                by_candidates[columns].addmm_(slope.T, anchors[rows], alpha=scale)
    return by_anchors, gain.new_empty(0) if pairs.symmetric else by_candidates


def _fold_backward_shapes(
    gain: Tensor, peak: Tensor, kept: Tensor, both: bool, anchors: Tensor, candidates: Tensor | None, *_: Any
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(anchors), gain.new_empty(0 if candidates is None or not both else candidates.shape)


def _refuse(ctx: Any, *_: Tensor) -> None:
    raise RuntimeError("these losses have a first derivative only; for a second one write the loss densely")


_ARGUMENTS = (
    "Tensor anchors, Tensor? candidates, float scale, Tensor? exclude, Tensor? left, Tensor? right, str kind, str fold"
)
torch.library.define("eo_losses::fold", f"({_ARGUMENTS}) -> (Tensor, Tensor, Tensor)")
torch.library.impl("eo_losses::fold", "default", _fold)
torch.library.register_fake("eo_losses::fold", _fold_shapes)

torch.library.define(
    "eo_losses::fold_backward", f"(Tensor gain, Tensor peak, Tensor kept, bool both, {_ARGUMENTS}) -> (Tensor, Tensor)"
)
torch.library.impl("eo_losses::fold_backward", "default", _fold_backward)
torch.library.register_fake("eo_losses::fold_backward", _fold_backward_shapes)
torch.library.register_autograd("eo_losses::fold_backward", _refuse)  # else a second derivative would be wrong
