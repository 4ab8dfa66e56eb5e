"""How alike two samples are by their labels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses.checks import check_choice, check_shape
from eo_losses.features import full_precision

KINDS = ("cosine", "jaccard", "overlap", "exact")


def label_similarity(y1: Tensor, y2: Tensor, kind: str = "cosine") -> Tensor:
    """Similarity of every row of `y1` with every row of `y2`: the soft targets of SoftCon (arXiv 2405.20462).

    Args:
        y1: Multi-hot labels (B, K): 0 or 1; "cosine" also takes fractions between.
        y2: Multi-hot labels (M, K) of the same K classes.
        kind: "cosine" of the label vectors; "jaccard", classes shared over classes present; "overlap", 1 where they
            share a class; "exact", 1 where they are equal.

    Returns:
        (B, M) in [0, 1], float32 or better. A row without any label is similar to nothing, itself included.
    """
    check_choice("kind", kind, KINDS)
    check_multi_hot("y1", y1, kind)
    check_multi_hot("y2", y2, kind)
    if y1.shape[1] != y2.shape[1]:
        raise ValueError(f"y1 and y2 must have the same K classes, got {tuple(y1.shape)} and {tuple(y2.shape)}")
    dtype = torch.promote_types(torch.promote_types(y1.dtype, y2.dtype), torch.float32)
    with full_precision(y1):
        return similarity(y1.to(dtype), y2.to(dtype), kind)


def similarity(y1: Tensor, y2: Tensor, kind: str) -> Tensor:
    """`label_similarity` of floats that were checked before: what the tiles call."""
    if kind == "cosine":
        return F.normalize(y1, dim=1) @ F.normalize(y2, dim=1).T
    shared, n1, n2 = y1 @ y2.T, y1.sum(1)[:, None], y2.sum(1)[None]
    if kind == "jaccard":
        return shared / (n1 + n2 - shared).clamp(min=1)
    if kind == "overlap":
        return (shared > 0).to(shared.dtype)
    return ((shared > 0) & (shared == n1) & (shared == n2)).to(shared.dtype)


def check_multi_hot(name: str, y: Tensor, kind: str) -> None:
    """Raise unless `y` is (B, K) of 0 and 1, or of fractions between where `kind` is the cosine."""
    check_shape(name, y, "(B, K)")
    if torch.compiler.is_compiling() or y.dtype == torch.bool:
        return
    wrong = ~((y >= 0) & (y <= 1)) if kind == "cosine" else (y != 0) & (y != 1)
    if wrong.any():
        raise ValueError(
            f"{name} must be multi-hot labels of 0 and 1, got {y[wrong][0].item():g}; "
            "class ids go as integers (B,), fractions only with kind 'cosine'"
        )


def check_labels(name: str, y: Tensor, batch: int, kind: str) -> None:
    """Raise unless `y` is multi-hot with one row per sample."""
    check_multi_hot(name, y, kind)
    if len(y) != batch:
        raise ValueError(f"{name} must have one row for each of the {batch} samples, got {len(y)}")
