"""From an item to an image: is the square whole and clear, does it carry an offset, and then all its bands."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.collect.offset import DARK_BANDS, Verdict, judge_scene, remove_offset, without_offset
from eo_data.collect.source import Item, Pixels, Source, UnsuitableError
from eo_data.collect.square import Square
from eo_data.sensors import SENSORS

SENSOR_OF = {"s1": "sentinel1-grd", "s2a": "sentinel2-l2a", "s2c": "sentinel2-l1c"}
"""Which sensor each product comes from."""
_MISSING = 0
_CLOUDS = (8, 9, 10)  # medium, high, cirrus
_DARK_GROUND = (2, 3, 6)  # topographic shadow, cloud shadow, water


@dataclass(frozen=True, kw_only=True)
class Image:
    """All bands of an item on a square."""

    item: Item
    square: Square
    bands: dict[str, Pixels]
    """Canonical band to (H, W): Sentinel-2 digital numbers without offset, Sentinel-1 dB."""
    cloud: float | None
    """Share of the square under cloud; None for Sentinel-1."""
    verdict: Verdict | None
    """What was found out about the offset; None for Sentinel-1."""


def scene_classes(source: Source, item: Item, square: Square) -> npt.NDArray[np.uint8]:
    """The scene classification of the square, (132, 132).

    Raises:
        UnsuitableError: Some of it holds no data.
    """
    classes = np.asarray(source.read(item, "SCL", square), dtype=np.uint8)
    if empty := int((classes == _MISSING).sum()):
        raise UnsuitableError(f"{empty} of {classes.size} pixels of the square hold no data")
    return classes


def cloud_share(classes: npt.NDArray[np.uint8]) -> float:
    """Share of pixels that are cloud of medium or high probability, or cirrus."""
    return round(float(np.isin(classes, _CLOUDS).mean()), 6)


def read_optical(source: Source, item: Item, square: Square, classes: npt.NDArray[np.uint8]) -> Image:
    """All bands of a Sentinel-2 item; those that tell about the offset are read first, and alone if they do not.

    Raises:
        UnsuitableError: A band is missing or has empty pixels, or nobody can say whether there is an offset.
    """
    dark = {band: _whole(source.read(item, band, square), band, classes) for band in DARK_BANDS}
    verdict = _judge(source, item, dark)
    others = [band for band in SENSORS[SENSOR_OF[item.product]].band_names if band not in dark]
    rest = {band: _whole(source.read(item, band, square), band, classes) for band in others}
    pixels = {band: remove_offset(found, verdict.offset) for band, found in sorted({**dark, **rest}.items())}
    return Image(item=item, square=square, bands=pixels, cloud=cloud_share(classes), verdict=verdict)


def read_radar(source: Source, item: Item, square: Square) -> Image:
    """VV and VH of a Sentinel-1 item.

    Raises:
        UnsuitableError: One of them is missing or has empty pixels.
    """
    bands = {band: source.read(item, band, square) for band in SENSORS[SENSOR_OF[item.product]].band_names}
    return Image(item=item, square=square, bands=bands, cloud=None, verdict=None)


def newest_of_each(items: list[Item]) -> Iterator[Item]:
    """Items from the latest to the earliest, one per tile and minute: of several processings the newest."""
    kept: dict[tuple[str | None, str], Item] = {}
    for item in sorted(items, key=_processing):
        kept[item.tile if item.product != "s1" else item.id, f"{item.time:%Y%m%dT%H%M}"] = item
    return iter(sorted(kept.values(), key=lambda item: (f"{item.time:%Y%m%dT%H%M}", item.id), reverse=True))


def _judge(source: Source, item: Item, bands: dict[str, Pixels]) -> Verdict:
    if without_offset(bands):
        return Verdict(0, "pixels")
    verdict = judge_scene({band: source.overview(item, band) for band in DARK_BANDS}, item)
    if verdict is None:
        said = f"baseline {item.baseline}, offset removed {item.offset_removed}"
        raise UnsuitableError(f"nothing tells whether 1000 must be subtracted: a bright scene, {said}")
    return verdict


def _whole(pixels: Pixels, band: str, classes: npt.NDArray[np.uint8]) -> Pixels:
    """The pixels, if none is empty. A 0 on water or in shadow is darkness: some sources cut there."""
    size = len(pixels)
    dark = np.isin(classes, _DARK_GROUND)
    if size % len(classes) == 0:
        dark = np.kron(dark, np.ones((size // len(classes),) * 2, dtype=bool))
    else:
        step = len(classes) // size
        dark = np.asarray(dark.reshape(size, step, size, step).any(axis=(1, 3)))
    if empty := int(((pixels == 0) & ~dark).sum()):
        raise UnsuitableError(f"{empty} of {pixels.size} pixels of {band} hold no data")
    return pixels


def _processing(item: Item) -> tuple[float, str, str]:
    return float(item.baseline or 0), f"{item.generated or ''}", item.id
