"""Reading packed data: mapped into memory, the window and the seasons chosen before anything is read."""

import os
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, cast

import torch
from torch import Generator, Tensor

from eo_data.batches import shuffle, spread
from eo_data.dataset import ImageDataset, Part, Sample, Transform
from eo_data.remote import Remote, is_remote
from eo_data.shards import INDEX, OpenShard, check_size, read_index
from eo_data.windows import choose_seasons, cut_window


class PackedDataset(ImageDataset):
    """A folder that `pack` wrote: the very samples of its source, and all that the source says of itself.

    The first time that a process reads a row, the row's checksum is checked. `dataset[row, epoch]` gives the window and
    the seasons of that epoch, a pure function of seed, epoch and row; `dataset[row]` those of epoch 0. Samplers that
    know epochs (`EpochBatches`, eo-train's) ask so, and plain ones draw the same window every time.

    Args:
        root: The folder, or its address on a web server or in a bucket (`https://...`, `s3://...`), which wants the
            extra `eo-data[remote]`.
        crop: Side of a square window to read, in pixels of the finest grid; None reads whole images. Grids of several
            resolutions are cut along the same ground, so the window begins and ends at a pixel of the coarsest.
        seasons: How many of a sample's seasons to read, in order of time; None reads all.
        seed: Of windows and seasons; None draws nothing: the central window, the earliest seasons.
        distinct_places: Whether samplers keep rows of one place out of one batch.
        window: Shards whose rows are mixed at a time; None mixes all, which for a remote folder fetches all at once.
        cache: Where the shards of a remote folder are kept, under the name of their hash; None: in the user's cache.
        transform: Called with each sample.

    Raises:
        FileNotFoundError: No packed data set there, or a shard is missing.
        ValueError: A bad argument; a shard or a row that is truncated or altered; a window that does not fit.
        ConnectionError: A remote folder cannot be read.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        crop: int | None = None,
        seasons: int | None = None,
        seed: int | None = 0,
        distinct_places: bool = True,
        window: int | None = None,
        cache: str | os.PathLike[str] | None = None,
        transform: Transform | None = None,
    ) -> None:
        for name, value in {"crop": crop, "seasons": seasons, "window": window}.items():
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, or None, got {value}")
        self.root = str(root)
        self.crop, self.seasons, self.seed = crop, seasons, seed
        self.distinct_places, self.window, self.transform = distinct_places, window, transform
        self._remote = Remote(self.root, cache) if is_remote(self.root) else None
        index = read_index(self._read_index(), f"{self.root}/{INDEX}")
        source, self._shards = cast(Mapping[str, Any], index.source), index.shards
        for shard in self._shards if self._remote is None else ():  # now, and not in the middle of a run
            check_size(Path(self.root, shard.file), shard)
        self.describe({key: _part_of(part) for key, part in source["parts"].items()})
        self.classes = None if source["classes"] is None else tuple(source["classes"])
        self.split = source["split"]
        self._first = [0, *accumulate(map(len, self._shards))]  # row that a shard begins with
        values = [row for shard in self._shards for row in shard.values]
        self.ids = tuple(str(row.get("id", number)) for number, row in enumerate(values))
        self._values = values
        self._open: dict[int, OpenShard] = {}
        self._checked = bytearray(len(values))

    @property
    def draws(self) -> bool:
        """Whether a row is another sample in another epoch."""
        return self.seed is not None and (self.crop is not None or self.seasons is not None)

    def __getitem__(self, index: int | tuple[int, int]) -> Sample:
        row, epoch = index if isinstance(index, tuple) else (index, 0)
        sample = self.read(range(len(self))[row], epoch)
        return self.transform(sample) if self.transform else sample

    def read(self, index: int, epoch: int = 0) -> Sample:
        """The sample as packed, or the part of it that this epoch draws, before `transform`."""
        number = bisect_right(self._first, index) - 1
        shard, row = self._shard(number), index - self._first[number]
        if not self._checked[index]:
            shard.check(row)
            self._checked[index] = True
        tensors = shard.tensors(row)
        draw = Random(f"{self.seed} {epoch} {index}") if self.draws else None
        try:
            if self.seasons is not None:
                tensors = choose_seasons(tensors, self._pixels(tensors), self.seasons, draw)
            if self.crop is not None:
                tensors = cut_window(tensors, self._pixels(tensors), self.crop, draw)
        except ValueError as error:
            raise ValueError(f"sample {self.ids[index]}: {error}") from error
        return cast(Sample, {key: copied(tensor) for key, tensor in tensors.items()} | self._values[index])

    def order(self, epoch: int, *, batch_size: int, seed: int) -> Tensor:
        """The rows of an epoch in an order whose every `batch_size` in a row form a batch; see `EpochBatches`."""
        generator = Generator().manual_seed(seed * 1_000_003 + epoch)
        order = shuffle([len(shard) for shard in self._shards], self.window, generator)
        return spread(order, self.places, batch_size, generator) if self.distinct_places else order

    @cached_property
    def places(self) -> Tensor:
        """Where each row lies: (N,) numbers, equal for rows of one place."""
        names = [place for shard in self._shards for place in shard.places]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return torch.tensor([numbers[name] for name in names])

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_open": {}}  # a map of memory belongs to its process

    def _pixels(self, tensors: Mapping[str, Tensor]) -> list[str]:
        """The keys that hold images or maps of the ground."""
        stems = {*self.parts, "image", "mask"}
        return [key for key in tensors if key.rpartition("_")[0] in stems or key in stems]

    def _shard(self, number: int) -> OpenShard:
        if number not in self._open:
            shard = self._shards[number]
            path = Path(self.root, shard.file) if self._remote is None else self._remote.fetch(shard)
            self._open[number] = OpenShard(path, shard)
        return self._open[number]

    def _read_index(self) -> str:
        if self._remote is not None:
            return self._remote.read(INDEX).decode()
        path = Path(self.root, INDEX)
        if not path.is_file():
            raise FileNotFoundError(
                f"no packed data set in root={self.root!r}: it has no {INDEX}; write one with "
                f"`eo-data pack NAME ROOT --output {self.root}`, or run that again if it was interrupted"
            )
        return path.read_text()


SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def copied(tensor: Tensor) -> Tensor:
    """The tensor in memory of its own; of unsigned numbers the bits, which torch copies five times as fast."""
    if tensor.dtype not in SIGNED:
        return tensor.clone(memory_format=torch.contiguous_format)
    return tensor.view(SIGNED[tensor.dtype]).clone(memory_format=torch.contiguous_format).view(tensor.dtype)


def _part_of(part: Mapping[str, Any]) -> Part:
    return Part(part["sensor"], tuple(part["bands"]), tuple(part["units"]), part["normalization"])
