"""The ground divided by people: fields, street blocks and buildings, as rectangles of random width and length."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.synthetic.fields import Plane


@dataclass(frozen=True)
class Cells:
    """A division of the plane into cells."""

    ids: npt.NDArray[np.intp]
    """(H, W) number of the cell, from 0."""
    count: int
    """One more than the largest number; not every number occurs."""
    border: Plane
    """(H, W) distance in pixels to the nearest border of the cell."""
    disc: Plane
    """(H, W) distance in pixels into the largest disc of the cell, negative outside it."""
    along: Plane
    """(H, W) coordinate in pixels across the rows in which the cell would be ploughed."""

    def mean(self, plane: Plane) -> Plane:
        """Each pixel gets the mean of its cell."""
        total = np.bincount(self.ids.ravel(), plane.ravel(), self.count)
        pixels = np.bincount(self.ids.ravel(), minlength=self.count)
        return np.asarray((total / np.maximum(pixels, 1)).astype(np.float32)[self.ids])


def frame(size: int, angle: float, bend: Plane | float = 0.0) -> tuple[Plane, Plane]:
    """Coordinates (u, v) in pixels, turned by `angle` in radians and bent by a plane of pixels."""
    down, across = np.mgrid[0:size, 0:size].astype(np.float32)
    cos, sin = math.cos(angle), math.sin(angle)
    return cos * across + sin * down + bend, cos * down - sin * across + bend


def divide(
    rng: np.random.Generator, uv: tuple[Plane, Plane], *, width: float, length: float, spread: float = 0.35
) -> Cells:
    """Strips along v of random width, each cut into cells of its own length.

    Args:
        rng: Where widths, lengths and offsets come from.
        uv: A `frame`.
        width: Typical width of a strip in pixels.
        length: Typical length of a cell in pixels.
        spread: Standard deviation of the logarithm of both.
    """
    u, v = uv[0] - float(uv[0].min()), uv[1] - float(uv[1].min())
    count = int(2.5 * u.max() / width) + 8
    widths, lengths = (np.exp(spread * rng.standard_normal((2, count))) * [[width], [length]]).astype(np.float32)
    edges = np.cumsum(widths) - widths[0] * np.float32(rng.random())
    edges = np.concatenate([edges[:1] - widths[0], edges])
    starts = lengths * rng.random(count, dtype=np.float32)

    strip = np.searchsorted(edges, u, side="right") - 1
    long = lengths[strip]
    turn = (v + starts[strip]) / long
    number = np.floor(turn)
    across = np.minimum(u - edges[strip], edges[strip + 1] - u)
    lengthwise = np.minimum(turn - number, number + 1 - turn) * long
    half_width = widths[strip] / 2
    per_strip = int(number.max()) + 1
    return Cells(
        ids=strip * per_strip + number.astype(np.intp),
        count=count * per_strip,
        border=np.minimum(across, lengthwise),
        disc=np.minimum(half_width, long / 2) - np.hypot(half_width - across, long / 2 - lengthwise),
        along=u,
    )


def either(first: Cells, second: Cells, where: npt.NDArray[np.bool_]) -> Cells:
    """`first` where the mask is true, `second` elsewhere."""
    return Cells(
        ids=np.where(where, first.ids, first.count + second.ids),
        count=first.count + second.count,
        border=np.where(where, first.border, second.border),
        disc=np.where(where, first.disc, second.disc),
        along=np.where(where, first.along, second.along),
    )
