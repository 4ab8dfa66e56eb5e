"""Weights of all pairs of samples, made of labels tile by tile."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses.blocks import blocks
from eo_losses.similarity import similarity


class PairWeights(NamedTuple):
    """A weight >= 0 for every pair of samples (i, j), as the operands it is made of.

    kind "matrix": left (B, N), times right (B, N) if given; "product": left (B,) times right (N,); "equal": 1 where the
    integer ids left (B,) and right (N,) agree; else a kind of `label_similarity` of left (B, K) and right (N, K).
    """

    left: Tensor
    right: Tensor | None
    kind: str

    @property
    def size(self) -> tuple[int, int]:
        """B and N."""
        return len(self.left), self.left.shape[1] if self.right is None else self.right.shape[self.kind == "matrix"]

    def tile(self, rows: slice | Tensor, columns: slice | Tensor, dtype: torch.dtype) -> Tensor:
        """The weights of some rows with some columns."""
        left = self.left[rows]
        if self.right is None:
            return left[:, columns].to(dtype)
        if self.kind == "matrix":
            return left[:, columns].to(dtype) * self.right[rows][:, columns].to(dtype)
        right = self.right[columns]
        if self.kind == "equal":
            return (left[:, None] == right).to(dtype)
        if self.kind == "product":
            return left[:, None].to(dtype) * right.to(dtype)
        return similarity(left.to(dtype), right.to(dtype), self.kind)


def weighted_sum(values: Tensor, weights: PairWeights, *, own: int | None = None) -> Tensor:
    """Σ_j w_ij values_j for every sample i, (N, D) to (B, D); `own` skips each sample itself, which is j = own + i."""
    total: Tensor = torch.ops.eo_losses.weighted_sum.default(values, *weights, -1 if own is None else own, False)
    return total


torch.library.define(
    "eo_losses::weighted_sum",
    "(Tensor values, Tensor left, Tensor? right, str kind, int own, bool transpose) -> Tensor",
)


@torch.library.impl("eo_losses::weighted_sum", "default")
def _weighted_sum(values: Tensor, left: Tensor, right: Tensor | None, kind: str, own: int, transpose: bool) -> Tensor:
    """W @ values, or W.T @ values; a non-negative `own` takes the pairs (i, own + i) out of W."""
    weights = PairWeights(left, right, kind)
    with torch.autocast(values.device.type, enabled=False):
        if kind == "equal":
            return _sum_of_class(values, weights, own, transpose)
        if kind == "cosine" and own < 0:
            return _sum_of_cosines(values, weights, transpose)
        b, n = weights.size
        total = values.new_zeros(n if transpose else b, values.shape[1])
        for rows, columns in blocks(b, n, values.device):
            w = weights.tile(rows, columns, values.dtype)
            if own >= 0:
                w = w.clone()  # it may be the caller's own matrix
                w.diagonal(own + rows.start - columns.start).zero_()
            if transpose:
                total[columns].addmm_(w.T, values[rows])
            else:
                total[rows].addmm_(w, values[columns])
    return total


def _sum_of_class(values: Tensor, weights: PairWeights, own: int, transpose: bool) -> Tensor:
    """Ids that are equal or not need no pairs: sum every class once, then look the sums up."""
    assert weights.right is not None, "ids have two sides"
    _, ids = torch.unique(torch.cat([weights.left, weights.right]), return_inverse=True)
    givers, takers = ids[len(weights.left) :], ids[: len(weights.left)]
    if transpose:
        givers, takers = takers, givers
    total = values.new_zeros(len(ids), values.shape[1]).index_add_(0, givers, values)[takers]
    if own >= 0 and transpose:
        total[own : own + len(values)] -= values
    elif own >= 0:
        total -= values[own : own + len(total)]
    return total


def _sum_of_cosines(values: Tensor, weights: PairWeights, transpose: bool) -> Tensor:
    """A matrix of cosines is a product of two thin ones: multiply from the right."""
    assert weights.right is not None, "labels have two sides"
    left, right = (F.normalize(y.to(values.dtype), dim=1) for y in (weights.left, weights.right))
    return right @ (left.T @ values) if transpose else left @ (right.T @ values)


@torch.library.register_fake("eo_losses::weighted_sum")  # type: ignore[untyped-decorator]
def _(values: Tensor, left: Tensor, right: Tensor | None, kind: str, own: int, transpose: bool) -> Tensor:
    return values.new_empty(PairWeights(left, right, kind).size[transpose], values.shape[1])


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, left, right, *ctx.constants = inputs
    ctx.save_for_backward(left, right)


def _differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    kind, own, transpose = ctx.constants
    by_values = torch.ops.eo_losses.weighted_sum.default(grad, *ctx.saved_tensors, kind, own, not transpose)
    return by_values, None, None, None, None, None


torch.library.register_autograd("eo_losses::weighted_sum", _differentiate, setup_context=_remember)
