"""Farmland: how the ground is cut into fields, and what grows on each of them when."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.synthetic.cells import Cells, divide, either, frame
from eo_data.synthetic.fields import Plane
from eo_data.synthetic.places import Place

_PEAKS = (138.0, 210.0, 175.0, 0.0)  # winter cereal, summer crop, meadow, fallow: day of greatest green
_SPANS = (52.0, 44.0, 1e4, 1.0)  # days; a meadow is always green, a fallow field never


@dataclass(frozen=True)
class Farm:
    """The fields of one place. Planes are (H, W) and constant within a field."""

    cells: Cells
    peak: Plane
    """Day of greatest green."""
    span: Plane
    """Days for which it stays green."""
    vigour: Plane
    """Share of the ground that the crop closes at its peak."""
    tone: Plane
    """Which of the soils: 0 dark to 1 pale."""
    orchard: Plane
    """1 where trees or vines stand in rows."""
    border: Plane
    """Share of the pixel that is the margin of a field."""
    hedge: Plane
    """Share of the margin that is a hedge."""

    def green(self, day: float) -> Plane:
        """Share of the ground under green leaves on this day of the year."""
        delta = (day - self.peak + 182.5) % 365 - 182.5
        rising = np.where(delta < 0, np.float32(1.35), np.float32(0.8)) * self.span
        return np.asarray(self.vigour * np.exp(-np.square(delta / rising)))

    def ripe(self, day: float) -> Plane:
        """Share of the ground under straw and stubble on this day of the year."""
        delta = (day - self.peak - self.span * 1.35 + 182.5) % 365 - 182.5
        return np.asarray((self.span < 1000) * self.vigour * np.exp(-np.square(delta / 32)))


def draw_farm(rng: np.random.Generator, place: Place, noise: dict[str, Plane]) -> Farm:
    """The fields of a place."""
    cells = _fields(rng, place, noise)
    kind = rng.choice(4, size=cells.count, p=place.crop_shares)
    orchard = rng.random(cells.count) < place.orchards
    peak = np.array(_PEAKS)[kind] + rng.normal(0, 9, cells.count)
    if abs(place.latitude) < 18:
        peak = rng.uniform(0, 365, cells.count)  # without winter every field has its own year
    hedged = rng.random(cells.count) < place.hedges

    def per_pixel(per_field: npt.NDArray[np.generic]) -> Plane:
        return per_field.astype(np.float32)[cells.ids]

    return Farm(
        cells=cells,
        peak=per_pixel(peak),
        span=per_pixel(np.array(_SPANS)[kind]),
        vigour=per_pixel(rng.uniform(0.62, 1.0, cells.count) * np.where(kind == 2, 0.82, 1.0)),
        tone=per_pixel(rng.random(cells.count)),
        orchard=per_pixel(orchard),
        border=np.clip(0.9 - cells.border, 0, 0.8),
        hedge=per_pixel(hedged),
    )


def _fields(rng: np.random.Generator, place: Place, noise: dict[str, Plane]) -> Cells:
    """Two systems of fields that meet, as where two villages do; or squares that each hold a watered circle."""
    size = len(noise["bend"])
    width, length = place.field_size
    if place.pivots:
        return divide(rng, frame(size, 0.02), width=26, length=26, spread=0.02)
    bend = place.field_bend * noise["bend"]
    first = divide(rng, frame(size, place.angle, bend), width=width, length=length)
    second = divide(rng, frame(size, place.angle + rng.uniform(0.3, 1.3), -bend), width=width, length=length)
    return either(first, second, noise["field zone"] > -0.2)
