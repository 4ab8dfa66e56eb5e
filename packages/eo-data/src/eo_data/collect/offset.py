"""Whether the digital numbers of a Sentinel-2 image carry the +1000 of processing baseline 04.00.

The fields that should say so have been wrong in public catalogues, in both directions. The pixels know better: without
the offset something in a scene is darker than it could ever be with it; with the offset the darkest ground of every
band, however different the bands are, lies just above 1000.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from eo_data.collect.source import Item, Pixels

OFFSET = 1000
DARK_BANDS = ("B02", "B04", "B12")
"""Water, shadow or leaves are dark in one of them at least."""
_IMPOSSIBLE = 700  # with the offset: a reflectance of -0.03
_DARK = 1400  # with the offset: a reflectance of 0.04, which the darkest thousandth of a scene does not exceed
_DARKEST = 0.001


class Verdict(NamedTuple):
    """What to subtract, and what that rests on."""

    offset: int
    by: Literal["pixels", "fields"]


def darkest(pixels: Pixels) -> float:
    """The digital number that a thousandth of the valid pixels lies under; infinite without valid pixels."""
    valid = pixels[pixels > 0]
    return float(np.quantile(valid, _DARKEST)) if valid.size else np.inf


def without_offset(bands: Mapping[str, Pixels]) -> bool:
    """Whether some band is darker than it could be with the offset."""
    return min(map(darkest, bands.values())) < _IMPOSSIBLE


def judge_scene(bands: Mapping[str, Pixels], item: Item) -> Verdict | None:
    """What the `DARK_BANDS` of a whole scene say; where they are bright, what all fields together say, if they agree.

    Args:
        bands: Overviews of the scene.
        item: Its fields.

    Returns:
        None if nothing can be said: a bright scene whose fields disagree or are silent.
    """
    if without_offset(bands):
        return Verdict(0, "pixels")
    if max(map(darkest, bands.values())) < _DARK:
        return Verdict(OFFSET, "pixels")
    return _by_fields(item)


def remove_offset(pixels: Pixels, offset: int) -> Pixels:
    """Digital numbers without the offset: valid ones stay at least 1, 0 stays no data."""
    if not offset:
        return pixels
    return np.where(pixels == 0, 0, np.maximum(pixels, offset + 1) - offset).astype(pixels.dtype)


def _by_fields(item: Item) -> Verdict | None:
    if item.baseline is None:
        return None
    added = float(item.baseline) >= 4
    if item.offset_removed is None:
        return Verdict(OFFSET if added else 0, "fields")
    return Verdict(0, "fields") if item.offset_removed is added else None  # removed what was added, or nothing to do
