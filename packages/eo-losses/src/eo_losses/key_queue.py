"""Keys of earlier steps, to serve as negatives (MoCo, arXiv 1911.05722)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_losses.checks import check_finite
from eo_losses.distributed import Group, gather


class KeyQueue(nn.Module):
    """Ring buffer of the last `size` keys, saved in checkpoints and the same on all processes.

    Args:
        size: M, keys held; not bound to the batch size.
        dim: D, their width.
        generator: Of the random unit vectors it starts with; seed it alike on all ranks (DDP also copies rank 0's).
        gather: In a process group, `push` takes the keys of all ranks; False takes this rank's own.
        group: The processes to gather from; None is all of them.
    """

    keys: Tensor
    pointer: Tensor

    def __init__(
        self, size: int, dim: int, *, generator: torch.Generator | None = None, gather: bool = True, group: Group = None
    ) -> None:
        super().__init__()
        if size < 1 or dim < 1:
            raise ValueError(f"a queue needs size and dim of at least 1, got size={size} and dim={dim}")
        self.gather = gather
        self.group = group
        self.register_buffer("keys", F.normalize(torch.randn(size, dim, generator=generator), dim=1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, keys: Tensor) -> None:
        """Let the newest `keys` (B, D) take the place of the oldest.

        The buffer is replaced, not written to, so a loss of the old keys can still go backward afterwards.
        """
        size, dim = self.keys.shape
        if keys.ndim != 2 or keys.shape[1] != dim:
            raise ValueError(
                f"keys must be (B, {dim}), as wide as the queue, got {tuple(keys.shape)}; "
                f"make it with KeyQueue({size}, D)"
            )
        check_finite("keys", keys)
        keys = (gather(keys, group=self.group) if self.gather else keys).to(self.keys)
        place = (self.pointer + torch.arange(len(keys), device=self.pointer.device)) % size
        self.keys = self.keys.index_copy(0, place[-size:], keys[-size:])
        self.pointer = (self.pointer + len(keys)) % size

    def extra_repr(self) -> str:
        size, dim = self.keys.shape
        return f"size={size}, dim={dim}, gather={self.gather}"
