"""Rows as the losses want them: of full precision and, if asked, of length one."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def rows(*features: Tensor, normalize: bool) -> list[Tensor]:
    """`features` in one dtype, float32 or better, every vector (last axis) divided by its length where `normalize`.

    Half precision would lose the differences between similarities that a low temperature magnifies.
    """
    dtype = torch.float32
    for x in features:
        dtype = torch.promote_types(dtype, x.dtype)
    return [_Unit.apply(x.to(dtype)) if normalize else x.to(dtype) for x in features]


class _Unit(torch.autograd.Function):
    """x / |x| along the last axis, with a gradient that takes half the time of the composed one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min(1e-12)  # a row of zeros stays one
        unit: Tensor = x / length
        ctx.save_for_backward(unit, length)
        return unit

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        unit, length = ctx.saved_tensors
        along = (grad * unit).sum(-1, keepdim=True)
        by_x: Tensor = torch.addcmul(grad, unit, along, value=-1) / length
        return by_x


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Where matrix products of what is on the device of `x` keep their precision, under autocast too."""
    device = x.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
