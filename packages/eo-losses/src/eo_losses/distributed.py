"""One batch over several processes: anchors stay where they are, candidates come from everywhere.

Every rank takes the loss of its own anchors, weighted so that the mean over ranks is the loss of the whole batch in
one process. `gather` sums the gradients of all ranks on the way back, so the mean over ranks that DDP takes of the
parameter gradients is that of one process too, also where ranks hold batches of different size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor, nn

if TYPE_CHECKING:
    Group: TypeAlias = dist.ProcessGroup | None
else:  # builds of torch without distributed lack the name
    Group: TypeAlias = object


def gather(x: Tensor, *, group: Group = None) -> Tensor:
    """Rows of all processes, in rank order; differentiable. Without a process group it gives `x` itself.

    Args:
        x: (B, ...), B may differ between ranks, the other axes may not.
        group: The processes to gather from; None is all of them.

    Returns:
        (ΣB, ...). Backward sums over ranks the gradients of this rank's rows, which is what DDP's averaging needs.
    """
    return Ranks.of(x, group=group).gather(x)


@dataclass(frozen=True)
class Ranks:
    """Who holds how much of a batch, and the few things a loss asks of the others."""

    sizes: Sequence[int]
    rank: int = 0
    group: Group = None

    @classmethod
    def of(cls, x: Tensor, *, gather: bool = True, group: Group = None) -> "Ranks":
        """Ask all ranks for the shape of their `x`; alone when there is nobody to ask or `gather` is off."""
        if not (gather and dist.is_available() and dist.is_initialized() and dist.get_world_size(group) > 1):
            return cls([len(x)])
        shape = torch.tensor(x.shape, device=x.device)
        shapes = [torch.empty_like(shape) for _ in range(dist.get_world_size(group))]
        dist.all_gather(shapes, shape, group=group)
        listed = [tuple(s.tolist()) for s in shapes]
        if len({s[1:] for s in listed}) > 1:
            raise ValueError(f"ranks may differ in their first axis only, got shapes {listed}; project to one width")
        return cls([s[0] for s in listed], dist.get_rank(group), group)

    @property
    def alone(self) -> bool:
        return len(self.sizes) == 1

    @property
    def first(self) -> int:
        """Where this rank's samples begin in the whole batch."""
        return sum(self.sizes[: self.rank])

    @property
    def total(self) -> int:
        """Samples of the whole batch."""
        return sum(self.sizes)

    def gather(self, x: Tensor) -> Tensor:
        """`x` of all ranks; with a fixed number of rows per sample."""
        return x if self.alone else _Gather.apply(x, self)

    def sum(self, x: Tensor) -> Tensor:
        """Sum of `x` over ranks, without gradient."""
        x = x.detach()
        if not self.alone:
            x = x.clone(memory_format=torch.contiguous_format)  # a gradient may be expanded or strided
            dist.all_reduce(x, group=self.group)
        return x

    def mean(self, values: Tensor) -> Tensor:
        """Scalar whose mean over ranks is the mean of all ranks' values; a fixed number of values per sample."""
        return values.mean() if self.alone else values.mean() * (self.sizes[self.rank] * len(self.sizes) / self.total)


class _Gather(torch.autograd.Function):
    """All-gather whose backward sums over ranks; shorter ranks are padded on the way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:
        rows = len(x) // ranks.sizes[ranks.rank]  # of every sample
        padded = x.new_zeros(rows * max(ranks.sizes), *x.shape[1:])
        padded[: len(x)] = x
        everyone = [torch.empty_like(padded) for _ in ranks.sizes]
        dist.all_gather(everyone, padded, group=ranks.group)
        ctx.ranks, ctx.own = ranks, slice(rows * ranks.first, rows * ranks.first + len(x))
        return torch.cat([part[: rows * size] for part, size in zip(everyone, ranks.sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.ranks.sum(grad)[ctx.own], None


class GatheringLoss(nn.Module):
    """What the loss modules share: in a process group they compare with the samples of all ranks.

    Args:
        gather: False compares within each rank's own batch.
        group: The processes to gather from; None is all of them.
    """

    def __init__(self, *, gather: bool = True, group: Group = None) -> None:
        super().__init__()
        self.gather = gather
        self.group = group

    def ranks(self, x: Tensor) -> Ranks:
        """Who shares the batch of which `x` (B, ...) is this rank's part."""
        return Ranks.of(x, gather=self.gather, group=self.group)

    def extra_repr(self) -> str:
        constants = {k: v for k, v in vars(self).items() if not k.startswith("_") and k not in ("training", "group")}
        return ", ".join(f"{name}={value!r}" for name, value in constants.items())
