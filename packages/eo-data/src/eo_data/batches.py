"""Batches of an epoch as a pure function of the seed, dealt to ranks, no two rows of one place in one batch."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Generator, Tensor
from torch.utils.data import Sampler


class Orderly(Protocol):
    """A data set that knows where its rows lie, on Earth and in its shards."""

    def __len__(self) -> int: ...

    def order(self, epoch: int, *, batch_size: int, seed: int) -> Tensor:
        """Rows in an order whose every `batch_size` in a row form a batch."""


def shuffle(runs: Sequence[int], window: int | None, generator: Generator) -> Tensor:
    """Rows 0, 1, ... in a random order in which only `window` runs of rows are mixed at a time.

    Args:
        runs: How many rows lie together, run after run: the lengths of the shards.
        window: Runs that are mixed at a time; None mixes all.
        generator: Source of randomness.
    """
    if window is None:
        return torch.randperm(sum(runs), generator=generator)
    rows = torch.split(torch.arange(sum(runs)), list(runs))
    order = torch.randperm(len(runs), generator=generator)
    mixed = [torch.cat([rows[run] for run in some.tolist()]) for some in torch.split(order, window)]
    return torch.cat([some[torch.randperm(len(some), generator=generator)] for some in mixed])


def spread(order: Tensor, places: Tensor, batch_size: int, generator: Generator) -> Tensor:
    """Rows in an order in which no `batch_size` in a row hold two of one place.

    A place that has more rows than there are batches keeps some of them for another epoch, as do the rows that do not
    fill a batch.

    Args:
        order: Rows, shuffled.
        places: Place of each row, numbers from 0.
        batch_size: Rows of a batch.
        generator: Source of randomness.

    Raises:
        ValueError: There are fewer places than rows in a batch.
    """
    counts = places.bincount()
    if (counts <= 1).all():
        return order
    batches = _fillable(counts, len(order), batch_size)
    if not batches:
        raise ValueError(
            f"a batch of {batch_size} rows wants as many places, the data have {int((counts > 0).sum())}: lower the "
            "batch size, or pass distinct_places=False to have several rows of a place in a batch"
        )
    turn = torch.randperm(len(counts), generator=generator)[places[order]]  # the places in a random order
    turn, by_place = turn.sort(stable=True)
    nth = torch.arange(len(order)) - torch.searchsorted(turn, turn)  # which of the rows of its place a row is
    dealt = order[by_place][nth < batches][: batches * batch_size]
    # Rows of a place lie together, at most as many as there are batches: dealt in turn, each comes to another batch.
    return dealt.view(batch_size, batches).T[torch.randperm(batches, generator=generator)].flatten()


def _fillable(counts: Tensor, rows: int, batch_size: int) -> int:
    """The largest number n of batches with n * batch_size <= the sum over places of min(rows of the place, n)."""
    return next((n for n in range(rows // batch_size, 0, -1) if counts.clamp(max=n).sum() >= n * batch_size), 0)


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of `(row, epoch)` for a loop of one's own, as a `batch_sampler`; eo-train's loop has its own.

    All ranks draw the same order and take their share of each batch, so that each row comes to one rank at most, and
    all ranks get as many batches, however many shards there are. Rows that do not fill a batch wait for the next epoch.

    Args:
        dataset: A `PackedDataset`.
        batch_size: Rows that a rank takes at once.
        seed: Of the order.
        rank: This process; None: as `torch.distributed` says, 0 without it.
        world: Number of processes, likewise.
    """

    def __init__(
        self, dataset: Orderly, batch_size: int, *, seed: int = 0, rank: int | None = None, world: int | None = None
    ) -> None:
        running = dist.is_available() and dist.is_initialized()
        self.rank = rank if rank is not None else dist.get_rank() if running else 0
        self.world = world if world is not None else dist.get_world_size() if running else 1
        self.dataset, self.batch_size, self.seed, self.epoch = dataset, batch_size, seed, 0
        if len(dataset) < batch_size * self.world:
            raise ValueError(
                f"{self.world} ranks x batch_size {batch_size} are more than the {len(dataset)} rows; lower batch_size"
            )

    def set_epoch(self, epoch: int) -> None:
        """Call before each epoch: another order, other crops and other seasons."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._batches())

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self._batches():
            yield [(row, self.epoch) for row in batch[self.rank :: self.world].tolist()]

    def _batches(self) -> Tensor:
        together = self.batch_size * self.world
        order = self.dataset.order(self.epoch, batch_size=together, seed=self.seed)
        return order[: len(order) // together * together].view(-1, together)
