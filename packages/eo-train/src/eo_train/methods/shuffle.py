"""Shuffled batch norm: keys are encoded among other images than their queries (MoCo, arXiv 1911.05722, section 3.3).

Batch norm on each process's own images would tell a query which keys stood in the same batch, and the contrast could be
won without looking at the images. In one process there is nothing to shuffle.
"""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

from eo_losses import gather


@torch.no_grad()
def encode_shuffled(encode: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """`encode(images)`, (B, ...) to (B, D), each process taking a random share of the images of all.

    All processes hold equally many images. The permutation is drawn by the first one, from torch's global generator.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return encode(images)
    everyone = gather(images)
    order = torch.randperm(len(everyone)).to(images.device)
    dist.broadcast(order, src=0)
    encoded = gather(encode(everyone[_share(order)]))
    return encoded[_share(order.argsort())]


def _share(rows: Tensor) -> Tensor:
    """This process's part of all rows."""
    return rows.chunk(dist.get_world_size())[dist.get_rank()]
