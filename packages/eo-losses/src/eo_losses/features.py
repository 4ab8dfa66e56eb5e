"""Rows as the losses want them: of full precision and, if asked, of length one."""

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor


def rows(*features: Tensor, normalize: bool) -> list[Tensor]:
    """`features` in one dtype, float32 or better, every vector (last axis) divided by its length where `normalize`.

    Half precision would lose the differences between similarities that a low temperature magnifies.
    """
    dtype = torch.float32
    for x in features:
        dtype = torch.promote_types(dtype, x.dtype)
    return [F.normalize(x.to(dtype), dim=-1) if normalize else x.to(dtype) for x in features]


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Where matrix products of what is on the device of `x` keep their precision, under autocast too."""
    device = x.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
