"""The first layer rebuilt by name: which of the weights' filters each channel of the data gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from eo_models.backbone import Step

Bands: TypeAlias = Sequence[str] | Mapping[str, str]
"""The data's bands in channel order; as a mapping, each with the band of the weights that it stands for, or itself."""
BandsOf: TypeAlias = Bands | Mapping[str, Bands]
"""Bands, or for a two-sensor model those of each sensor under `s1` and `s2`."""
Missing: TypeAlias = Literal["zero", "nearest"]
Extra: TypeAlias = Literal["zero", "mean"]

# fmt: off
_SENTINEL2 = {
    "B01": 0.443, "B02": 0.490, "B03": 0.560, "B04": 0.665, "B05": 0.705, "B06": 0.740, "B07": 0.783, "B08": 0.842,
    "B8A": 0.865, "B09": 0.945, "B10": 1.375, "B11": 1.610, "B12": 2.190,
    "TCI_R": 0.665, "TCI_G": 0.560, "TCI_B": 0.490,
}
_LANDSAT8 = {
    "B1": 0.443, "B2": 0.482, "B3": 0.561, "B4": 0.655, "B5": 0.865, "B6": 1.609, "B7": 2.201, "B8": 0.590, "B9": 1.373,
    "B10": 10.895, "B11": 12.005,
}
# fmt: on
WAVELENGTHS: Mapping[str, Mapping[str, float | None]] = MappingProxyType(
    {
        "sentinel2-l1c": _SENTINEL2,
        "sentinel2-l2a": {band: um for band, um in _SENTINEL2.items() if band != "B10"},
        "sentinel1-grd": {"VV": None, "VH": None},
        "landsat8": _LANDSAT8,
        "aerial": {"R": 0.65, "G": 0.56, "B": 0.48},
        "rgb": {"R": 0.665, "G": 0.560, "B": 0.490},
    }
)
"""Central wavelength of every canonical band in micrometres; None for radar."""
RADAR = "sentinel1-grd"
_ONE_FAMILY = (("sentinel2-l1c", "sentinel2-l2a"), ("aerial", "rgb"))  # whose equal names mean the same


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How the channels of the data draw on the filters of the weights."""

    bands: tuple[str, ...]
    """The data's, in channel order."""
    sensor: str
    same: Mapping[str, str]
    """Data's band to the weights' band that it is."""
    matrix: Tensor
    """(bands of the data, bands of the weights): the filter of channel d is the sum of row d times the filters."""
    done: Mapping[str, str] = field(default_factory=dict)
    """What this does, in words."""

    def apply(self, filters: Tensor) -> Tensor:
        """Filters (O, bands of the weights, h, w) to (O, bands of the data, h, w)."""
        return torch.einsum("dw,ow...->od...", self.matrix.to(filters.dtype), filters)

    def steps(self, steps: Sequence[Step] | None) -> list[Step] | None:
        """The weights' normalization under the data's names; None where a band has none."""
        if steps is None or set(self.bands) - set(self.same):
            return None
        return [{name: self._of_data(value) for name, value in step.items()} for step in steps]

    def units(self, bands: Sequence[str], units: Sequence[str]) -> tuple[str, ...]:
        """The unit that each of the data's bands should come in; empty where one has none."""
        if not units or set(self.bands) - set(self.same):
            return ()
        known = dict(zip(bands, units, strict=True))
        return tuple(known[self.same[band]] for band in self.bands)

    def _of_data(self, value: object) -> object:
        if isinstance(value, Mapping):
            return {band: value[self.same[band]] for band in self.bands}
        return value


@dataclass(frozen=True, kw_only=True)
class Side:
    """Bands in channel order, whose they are, and what to call this in a message."""

    name: str
    bands: tuple[str, ...]
    sensor: str

    def __str__(self) -> str:
        return f"{self.name} ({self.sensor}: {' '.join(self.bands)})"


def match_bands(
    weights: Side,
    bands: Bands | None,
    sensor: str | None,
    *,
    missing: Missing | None = None,
    extra: Extra | None = None,
) -> Mixing:
    """Finds a filter for every band of the data, by name.

    Args:
        weights: The bands that the weights were made for.
        bands: The data's. None: the same.
        sensor: The data's; None: the weights'. Equal names mean equal bands within Sentinel-2, and within RGB, only.
        missing: What becomes of the filter of a band that the data lacks. `zero` drops it, as if that band were a plane
            of zeros after normalization; `nearest` adds it to the filter of the nearest wavelength.
        extra: The filter of a band that the weights do not know: `zero`, or `mean` of theirs.

    Raises:
        ValueError: A band is missing, extra, unknown or named twice; radar is to start from optical weights.
    """
    data = Side(
        name="the data", bands=weights.bands if bands is None else tuple(bands), sensor=sensor or weights.sensor
    )
    if len(set(data.bands)) < len(data.bands) or not data.bands:
        raise ValueError(f"bands must be distinct, got {' '.join(data.bands) or 'none'}")
    same = _stated(weights, data, bands) if isinstance(bands, Mapping) else _by_name(weights, data)
    lacking = [band for band in weights.bands if band not in same.values()]
    unknown = [band for band in data.bands if band not in same]
    if unknown:
        _check_unknown(weights, data, unknown, extra)
    if lacking and missing not in ("zero", "nearest"):
        raise ValueError(
            f"{weights} wants {' '.join(lacking)}, which the data lacks ({' '.join(data.bands)}): pass missing='zero' "
            "(drop the filter, as a plane of zeros after normalization), missing='nearest' (give it to the nearest "
            "wavelength), or state an equivalence with bands={'R': 'B04', ...}"
        )
    matrix = torch.zeros(len(data.bands), len(weights.bands), dtype=torch.float64)
    for band, twin in same.items():
        matrix[data.bands.index(band), weights.bands.index(twin)] = 1
    heirs = {band: _nearest(weights, data, band) for band in lacking} if missing == "nearest" else {}
    for band, heir in heirs.items():
        matrix[data.bands.index(heir), weights.bands.index(band)] += 1
    if extra == "mean":
        for band in unknown:
            matrix[data.bands.index(band)] = 1 / len(weights.bands)
    if not matrix.any():
        raise ValueError(f"nothing of {weights} would be left for {' '.join(data.bands)}; state an equivalence")
    done = _words(weights, data, same, lacking, heirs, unknown, extra)
    return Mixing(bands=data.bands, sensor=data.sensor, same=same, matrix=matrix, done=done)


def _by_name(weights: Side, data: Side) -> dict[str, str]:
    if (weights.sensor == RADAR) != (data.sensor == RADAR):
        raise ValueError(
            f"{weights} and {data} are radar and optical, which share nothing: start from weights of the data's kind, "
            "or state an equivalence with bands={'VV': 'B04', ...}"
        )
    alike = weights.sensor == data.sensor or any({weights.sensor, data.sensor} <= set(each) for each in _ONE_FAMILY)
    return {band: band for band in data.bands if alike and band in weights.bands}


def _stated(weights: Side, data: Side, bands: Mapping[str, str]) -> dict[str, str]:
    same = {band: twin for band, twin in bands.items() if twin in weights.bands or twin != band}
    for band, twin in same.items():
        if twin not in weights.bands:
            raise ValueError(f"bands says that {band} is {twin!r}, which is no band of {weights}")
    if len(set(same.values())) < len(same):
        raise ValueError(f"bands gives one filter to two bands: {same}; name each band of the weights once")
    return same


def _check_unknown(weights: Side, data: Side, unknown: Sequence[str], extra: Extra | None) -> None:
    known = WAVELENGTHS.get(data.sensor)
    for band in unknown:
        if known is not None and band not in known:
            raise ValueError(f"{band!r} is no band of {data.sensor}; it has {' '.join(known)}")
    if extra not in ("zero", "mean"):
        raise ValueError(
            f"{weights} knows nothing of {' '.join(unknown)} of {data.sensor}: pass extra='zero' or extra='mean' (the "
            "mean of its filters), leave the band out, or state an equivalence with bands={'R': 'B04', ...}"
        )


def _nearest(weights: Side, data: Side, band: str) -> str:
    """The data's band of the nearest wavelength."""
    target = WAVELENGTHS.get(weights.sensor, {}).get(band)
    known = {each: um for each in data.bands if (um := WAVELENGTHS.get(data.sensor, {}).get(each)) is not None}
    if target is None or not known:
        raise ValueError(f"{band} of {weights.sensor} has no nearest wavelength in the data; pass missing='zero'")
    return min(known, key=lambda each: abs(known[each] - target))


def _words(
    weights: Side,
    data: Side,
    same: Mapping[str, str],
    lacking: Sequence[str],
    heirs: Mapping[str, str],
    unknown: Sequence[str],
    extra: Extra | None,
) -> dict[str, str]:
    """What is done, for `model.adaptation`; empty when the data has the very bands of the weights."""
    equal = [f"{band} is {twin}" for band, twin in same.items() if band != twin]
    moved = not equal and not unknown and tuple(b for b in weights.bands if b in same) != data.bands
    said = {
        "sensor": f"{weights.sensor} weights on {data.sensor}" if weights.sensor != data.sensor else "",
        "stated": ", ".join(equal),
        "reordered": " ".join(data.bands) if moved else "",
        "missing": ", ".join(f"{b} to {heirs[b]}" if b in heirs else f"{b} dropped" for b in lacking),
        "extra": f"{' '.join(unknown)}: {extra} of the filters" if extra == "mean" else f"{' '.join(unknown)}: zero",
        "normalization": f"none known for {' '.join(unknown)}" if unknown else "",
    }
    return {name: words for name, words in said.items() if words and (name != "extra" or unknown)}
