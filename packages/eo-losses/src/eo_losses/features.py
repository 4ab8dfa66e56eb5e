"""Rows as the losses want them: of full precision and, if asked, of length one."""

import torch
import torch.nn.functional as F
from torch import Tensor


def rows(x: Tensor, *, normalize: bool) -> Tensor:
    """`x` in float32 or better, every vector (last axis) divided by its length where `normalize`.

    Half precision would lose the differences between similarities that a low temperature magnifies.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    return F.normalize(x, dim=-1) if normalize else x
