"""Things that people build, as shapes of one material on the ground."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eo_data.synthetic.fields import Plane
from eo_data.synthetic.materials import MATERIALS
from eo_data.synthetic.surface import Surface


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A rectangle or an ellipse of one material. Lengths are in pixels of 10 m."""

    material: str
    centre: tuple[float, float]
    """Row and column."""
    half: tuple[float, float]
    """Half the length along each axis of its own."""
    angle: float = 0.0
    """Turn against the grid, in radians."""
    round: bool = False


def build(structures: Sequence[Structure], surface: Surface) -> Surface:
    """The surface with structures on it, later ones upon earlier ones; land cover stays what it is."""
    if not structures:
        return surface
    shares = surface.shares.copy()
    for structure in structures:
        part = _share(structure, shares.shape[1])
        shares *= 1 - part
        shares[MATERIALS.index(structure.material)] += part
    return Surface(surface.cover, shares)


def _share(structure: Structure, size: int) -> Plane:
    """Share of each pixel that the structure takes, (H, W)."""
    down, across = np.mgrid[0:size, 0:size].astype(np.float32)
    down, across = down - structure.centre[0], across - structure.centre[1]
    cos, sin = math.cos(structure.angle), math.sin(structure.angle)
    u, v = cos * down + sin * across, cos * across - sin * down
    if structure.round:
        outside = (np.hypot(u / structure.half[0], v / structure.half[1]) - 1) * min(structure.half)
    else:
        outside = np.maximum(np.abs(u) - structure.half[0], np.abs(v) - structure.half[1])
    return np.asarray(np.clip(0.5 - outside, 0, 1), np.float32)
