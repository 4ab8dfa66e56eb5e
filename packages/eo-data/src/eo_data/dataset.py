"""What every data set of this package is: integer-indexed flat dicts, and the facts about their pixels."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypedDict

from torch import Tensor
from torch.utils.data import Dataset

from eo_data.names import choose
from eo_data.normalize import Step, normalization_for
from eo_data.sensors import canonical_bands, units_of


class Sample(TypedDict, total=False):
    """One sample: a flat dict that holds some of these. Pixels are in their stored dtype and unit, never normalized."""

    image: Tensor
    """Pixels of one sensor, (C, H, W); several seasons or dates (T, C, H, W)."""
    image_10m: Tensor
    image_20m: Tensor
    image_60m: Tensor
    """Pixels at native resolution: the bands of each, in the order of `bands`."""
    s1: Tensor
    s2: Tensor
    naip: Tensor
    """Pixels of several sensors, in place of `image`."""
    s1_10m: Tensor
    s2_10m: Tensor
    s2_20m: Tensor
    s2_60m: Tensor
    label: Tensor
    """int64 scalar; multi-hot float32 (K,); per season (T, K)."""
    labelled: Tensor
    """bool (T,): false where a season has no label at all; scalar for an image without seasons."""
    mask: Tensor
    """int64 (H, W): the class of every pixel; 255 is none."""
    id: str
    bounds: Tensor
    """float64 (4,): left, bottom, right, top in the image's own coordinate system."""
    crs: str
    """That system, such as `EPSG:32632`; missing where a file does not say where on Earth it lies."""


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


class Product(NamedTuple):
    """One product of a data set: its key in a sample of several, what it is, how it is fed to a network."""

    key: str
    sensor: str
    normalization: str


def choose_products(product: str | Sequence[str], known: Mapping[str, Product]) -> tuple[str, ...]:
    """The products asked for, in the order in which a data set has them."""
    names = (product,) if isinstance(product, str) else tuple(product)
    for name in names:
        choose("product", name, tuple(known))
    if not names or len(set(names)) != len(names):
        raise ValueError(f"product must name at least one of {', '.join(known)} and none twice, got {names}")
    return tuple(name for name in known if name in names)


def parts_of(
    products: Sequence[str],
    known: Mapping[str, Product],
    bands: Sequence[str] | Mapping[str, Sequence[str]] | None,
) -> dict[str, Part]:
    """The parts of a sample: `image` of one product, a key of its own for each of several.

    Args:
        products: Which of `known`, in their order.
        known: The products of the data set.
        bands: Bands wanted in any spelling; for several products a mapping from product to bands. None: all.
    """
    if isinstance(bands, Mapping):
        for product in bands.keys() - set(products):
            raise ValueError(f"bands names {product!r}, which is not among the products {tuple(products)}")
    elif bands is not None and len(products) > 1:
        raise ValueError(f"for two products bands is a mapping such as {{'s1': ['VV']}}, got {list(bands)}")
    else:
        bands = {products[0]: bands} if bands is not None else {}
    parts = {}
    for product in products:
        key, sensor, normalization = known[product]
        parts[key if len(products) > 1 else "image"] = part_of(sensor, bands.get(product), normalization)
    return parts


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
