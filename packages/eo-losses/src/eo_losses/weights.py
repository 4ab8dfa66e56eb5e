"""Weights of all pairs of samples, made of labels tile by tile."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses.blocks import blocks
from eo_losses.features import full_precision
from eo_losses.similarity import similarity


class PairWeights(NamedTuple):
    """A weight >= 0 for every pair of samples (i, j), as the operands it is made of.

    kind "matrix": left (B, N), times right (B, N) if given; "product": left (B,) times right (N,); "equal": 1 where the
    integer ids left (B,) and right (N,) agree; else a kind of `label_similarity` of left (B, K) and right (N, K). For
    all but a matrix, right None says that it is left.
    """

    left: Tensor
    right: Tensor | None
    kind: str

    @classmethod
    def of(cls, left: Tensor, right: Tensor, kind: str) -> "PairWeights":
        """Of labels; those compared with themselves are handed over once, as compilers want it."""
        return cls(left, None if right is left else right, kind)

    @property
    def size(self) -> tuple[int, int]:
        """B and N."""
        if self.kind == "matrix":
            return self.left.shape[0], self.left.shape[1]
        return self.left.shape[0], (self.left if self.right is None else self.right).shape[0]

    def tile(self, rows: slice | Tensor, columns: slice | Tensor, dtype: torch.dtype) -> Tensor:
        """The weights of some rows with some columns."""
        left, right = self.left[rows], self.left if self.right is None else self.right
        if self.kind == "matrix":
            tile = left[:, columns].to(dtype)
            return tile if self.right is None else tile * right[rows][:, columns].to(dtype)
        right = right[columns]
        if self.kind == "equal":
            return (left[:, None] == right).to(dtype)
        if self.kind == "product":
            return left[:, None].to(dtype) * right.to(dtype)
        return similarity(left.to(dtype), right.to(dtype), self.kind)


def weighted_sum(values: Tensor, weights: PairWeights, *, own: int | None = None) -> Tensor:
    """Σ_j w_ij values_j for every sample i, (N, D) to (B, D); `own` skips each sample itself, which is j = own + i."""
    total: Tensor = _WeightedSum.apply(values, *weights, -1 if own is None else own, False)
    return total


class _WeightedSum(torch.autograd.Function):
    """A product with a matrix that exists by tiles only; its backward is the product with the transpose."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, left: Tensor, right: Tensor | None, kind: str, own: int, transpose: bool
    ) -> Tensor:
        ctx.save_for_backward(left, right)
        ctx.constants = kind, own, transpose
        total: Tensor = torch.ops.eo_losses.weighted_sum(values, left, right, kind, own, transpose)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        kind, own, transpose = ctx.constants
        return _WeightedSum.apply(grad, *ctx.saved_tensors, kind, own, not transpose), None, None, None, None, None


def _weighted_sum(values: Tensor, left: Tensor, right: Tensor | None, kind: str, own: int, transpose: bool) -> Tensor:
    """W @ values, or W.T @ values; a non-negative `own` takes the pairs (i, own + i) out of W."""
    weights = PairWeights(left, right, kind)
    with full_precision(values):
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
    left, right = weights.left, weights.right
    _, ids = torch.unique(left if right is None else torch.cat([left, right]), return_inverse=True)
    takers, givers = ids[: left.shape[0]], ids if right is None else ids[left.shape[0] :]
    if transpose:
        givers, takers = takers, givers
    total = values.new_zeros(ids.shape[0], values.shape[1]).index_add_(0, givers, values)[takers]
    if own >= 0 and transpose:
        total[own : own + values.shape[0]] -= values
    elif own >= 0:
        total -= values[own : own + total.shape[0]]
    return total


def _sum_of_cosines(values: Tensor, weights: PairWeights, transpose: bool) -> Tensor:
    """A matrix of cosines is a product of two thin ones: multiply from the right."""
    left = F.normalize(weights.left.to(values.dtype), dim=1)
    right = left if weights.right is None else F.normalize(weights.right.to(values.dtype), dim=1)
    return right @ (left.T @ values) if transpose else left @ (right.T @ values)


def _weighted_sum_shape(
    values: Tensor, left: Tensor, right: Tensor | None, kind: str, own: int, transpose: bool
) -> Tensor:
    return values.new_empty(PairWeights(left, right, kind).size[transpose], values.shape[1])


torch.library.define(
    "eo_losses::weighted_sum",
    "(Tensor values, Tensor left, Tensor? right, str kind, int own, bool transpose) -> Tensor",
)
torch.library.impl("eo_losses::weighted_sum", "default", _weighted_sum)
torch.library.register_fake("eo_losses::weighted_sum", _weighted_sum_shape)
