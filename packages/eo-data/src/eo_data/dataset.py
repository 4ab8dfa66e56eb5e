"""What every data set of this package is: integer-indexed flat dicts, and the facts about their pixels."""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypedDict

from torch import Tensor
from torch.utils.data import Dataset

from eo_data.normalize import Step


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


class ImageDataset(Dataset[Sample]):
    """A data set that says what its pixels are. Subclasses set the attributes and write `read`."""

    bands: tuple[str, ...]
    """Canonical band names in channel order."""
    sensor: str
    """A key of `SENSORS`."""
    units: tuple[str, ...]
    """What a stored number means, one per band."""
    classes: tuple[str, ...] | None
    """Class names in label order; None without labels."""
    split: str
    ids: Sequence[str]
    """One name per sample, in order."""
    normalization: list[Step] | None
    """Steps recommended for these pixels as stored; None when unknown."""
    transform: Transform | None

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
