"""What every data set of this package is: integer-indexed flat dicts, and the facts about their pixels."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from torch import Tensor
from torch.utils.data import Dataset

from eo_data.normalize import Step, normalization_for
from eo_data.sensors import canonical_bands, units_of


class Sample(TypedDict, total=False):
    """One sample: a flat dict that holds some of these. Pixels are in their stored dtype and unit, never normalized."""

    image: Tensor
    """Pixels of one sensor, (C, H, W); several seasons (T, C, H, W)."""
    image_10m: Tensor
    image_20m: Tensor
    image_60m: Tensor
    """Pixels at native resolution: the bands of each, in the order of `bands`."""
    s1: Tensor
    s2: Tensor
    """Pixels of two sensors, in place of `image`."""
    s1_10m: Tensor
    s2_10m: Tensor
    s2_20m: Tensor
    s2_60m: Tensor
    label: Tensor
    """int64 scalar; multi-hot float32 (K,); per season (T, K)."""
    labelled: Tensor
    """bool (T,): false where a season has no label at all."""
    id: str
    bounds: Tensor
    """float64 (4,): left, bottom, right, top in the image's own coordinate system."""


Transform: TypeAlias = Callable[[Sample], Sample]


@dataclass(frozen=True)
class Part:
    """What the pixels under one key of a sample are."""

    sensor: str
    bands: tuple[str, ...]
    units: tuple[str, ...]
    normalization: list[Step] | None


def part_of(sensor: str, bands: Sequence[str] | None, normalization: str) -> Part:
    """The bands asked for (None: all) of one sensor, in any spelling, with the steps of a named normalization."""
    names = canonical_bands(bands, sensor)
    return Part(sensor, names, units_of(names, sensor), normalization_for(normalization))


class ImageDataset(Dataset[Sample]):
    """A data set that says what its pixels are. Subclasses set the attributes and write `read`."""

    bands: tuple[str, ...]
    """Canonical band names in channel order; of two sensors one after the other, as in `parts`."""
    sensor: str
    """A key of `SENSORS`; of two sensors `a+b`."""
    units: tuple[str, ...]
    """What a stored number means, one per band."""
    classes: tuple[str, ...] | None
    """Class names in label order; None without labels."""
    split: str
    ids: Sequence[str]
    """One name per sample, in order."""
    normalization: list[Step] | None
    """Steps recommended for these pixels as stored; None when unknown, and for two sensors (see `parts`)."""
    parts: Mapping[str, Part]
    """The same facts per key of a sample: `image`, or `s1` and `s2`."""
    transform: Transform | None

    def describe(self, parts: Mapping[str, Part]) -> None:
        """Set `parts` and, from them, `bands`, `sensor`, `units` and `normalization`."""
        self.parts = dict(parts)
        self.bands = tuple(band for part in parts.values() for band in part.bands)
        self.units = tuple(unit for part in parts.values() for unit in part.units)
        self.sensor = "+".join(part.sensor for part in parts.values())
        self.normalization = next(iter(parts.values())).normalization if len(parts) == 1 else None

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        raise TypeError(f"{type(self).__name__} does not say how to read sample {index}")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        sample = self.read(range(len(self))[index])  # counts from the end below 0, IndexError past it
        return self.transform(sample) if self.transform else sample

    @property
    def split_id(self) -> str:
        """Twelve hexadecimal digits that any change to the set of ids changes."""
        return hashlib.sha256("\n".join(sorted(self.ids)).encode()).hexdigest()[:12]
