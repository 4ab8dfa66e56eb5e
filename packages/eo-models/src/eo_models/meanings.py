"""What a head's raw outputs mean, and the loss that teaches them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

IGNORE = 255  # in a target: nobody knows


@dataclass(frozen=True)
class Meaning:
    """From raw outputs to what they say, and how far that is from a target."""

    activate: Callable[[Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]


def cross_entropy(raw: Tensor, target: Tensor) -> Tensor:
    """Mean over the targets that are not 255.

    Args:
        raw: (B, K) or (B, K, H, W).
        target: Class numbers, (B,) or (B, H, W).
    """
    check_target(target, (raw.shape[0], *raw.shape[2:]), "class numbers")
    known = target != IGNORE
    _check_classes(target[known], raw.shape[1])
    total = F.cross_entropy(raw, target.long(), ignore_index=IGNORE, reduction="sum")
    return total / known.sum().clamp(min=1)


def binary_cross_entropy(raw: Tensor, target: Tensor) -> Tensor:
    """Mean over the targets that are not 255.

    Args:
        raw: (B, K) or (B, K, H, W).
        target: 0 or 1 (or a share between them) in the shape of `raw`; without its K axis where K is 1.
    """
    target = _with_channel(target, raw)
    check_target(target, tuple(raw.shape), "0 and 1")
    known = target != IGNORE
    losses = F.binary_cross_entropy_with_logits(raw, target.to(raw.dtype), reduction="none")
    return losses.where(known, 0).sum() / known.sum().clamp(min=1)


def absolute_error(raw: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference; a target (B, H, W) will do for a single quantity (B, 1, H, W)."""
    target = _with_channel(target, raw)
    check_target(target, tuple(raw.shape), "quantities")
    return F.l1_loss(raw, target.to(raw.dtype))


def check_target(target: Tensor, shape: tuple[int, ...], what: str) -> None:
    """Refuses a target of another shape."""
    if tuple(target.shape) != shape:
        raise ValueError(f"the target must hold {what} in the shape {shape}, got {tuple(target.shape)}")


ONE_OF = Meaning(lambda raw: raw.softmax(dim=1), cross_entropy)
"""One class: probabilities that sum to 1."""
ANY_OF = Meaning(lambda raw: raw.sigmoid(), binary_cross_entropy)
"""Any number of classes: a probability each."""
QUANTITIES = Meaning(lambda raw: raw, absolute_error)
"""Quantities, as they are."""


def _with_channel(target: Tensor, raw: Tensor) -> Tensor:
    return target.unsqueeze(1) if raw.shape[1] == 1 and target.ndim == raw.ndim - 1 else target


def _check_classes(target: Tensor, classes: int) -> None:
    if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < classes:
        found = f"{int(target.min())} to {int(target.max())}"
        raise ValueError(
            f"class numbers must be 0 to {classes - 1} (or {IGNORE}, ignored), got {found}; set num_outputs"
        )
