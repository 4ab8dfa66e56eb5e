"""The square of ground that is cut out: 2640 m a side, on the 60 m grid that the bands of Sentinel-2 share."""

import math
from dataclasses import dataclass
from typing import TypeAlias

from rasterio import Affine
from rasterio.warp import transform

SIDE = 2640
"""Metres: 264 pixels of 10 m, 132 of 20 m, 44 of 60 m."""
CELL = 60
"""Metres: tile corners and sizes are multiples of it, so that squares on this grid need no resampling."""
_BUFFER = 1325  # metres round the point of which SeCo's downloader asks for the bounding box
Corners: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
"""Upper left and lower right, each (x, y)."""


@dataclass(frozen=True)
class Square:
    """A square of ground in a UTM zone."""

    epsg: int
    left: int
    """Easting of its west side, a multiple of 60 m."""
    top: int
    """Northing of its north side, a multiple of 60 m."""

    def transform(self, resolution: int) -> Affine:
        """From pixels of this size to metres."""
        return Affine(resolution, 0, self.left, 0, -resolution, self.top)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, bottom, right, top in metres."""
        return self.left, self.top - SIDE, self.left + SIDE, self.top


def square_round(longitude: float, latitude: float, epsg: int) -> Square:
    """The square of a point: of the 60 m cells that its surroundings of 1325 m touch, the middle 44 x 44."""
    (x,), (y,) = transform("EPSG:4326", f"EPSG:{epsg}", [longitude], [latitude])
    left, right = _touched(x)
    below, above = _touched(y)
    size = (above - below, right - left)
    corners = ((left * CELL, above * CELL), (right * CELL, below * CELL))
    (west, north), _ = cropped_corners(corners, size, (SIDE // CELL, SIDE // CELL))
    return Square(epsg, round(west), round(north))


def utm_zone(longitude: float, latitude: float) -> int:
    """EPSG code of the UTM zone of a point, without the exceptions of Norway and Svalbard."""
    return (32700 if latitude < 0 else 32600) + int((longitude + 180) // 6) % 60 + 1


def crop_offset(size: int, crop: int) -> int:
    """Pixels left out before a centre crop; of an odd number the larger half, as SeCo's downloader does."""
    return int((size - crop + 1) * 0.5)


def cropped_corners(corners: Corners, size: tuple[int, int], crop: tuple[int, int]) -> Corners:
    """Corners of the centre crop of an image.

    Args:
        corners: Of the image, in any units.
        size: (height, width) of the image in pixels.
        crop: (height, width) of the crop.
    """
    (left, top), (right, bottom) = corners
    height, width = size
    dx, dy = (right - left) / width, (bottom - top) / height
    west, north = left + crop_offset(width, crop[1]) * dx, top + crop_offset(height, crop[0]) * dy
    return (west, north), (west + crop[1] * dx, north + crop[0] * dy)


def _touched(middle: float) -> tuple[int, int]:
    """First and one past the last of the cells that the surroundings touch along one axis."""
    return math.floor((middle - _BUFFER) / CELL), math.ceil((middle + _BUFFER) / CELL)
