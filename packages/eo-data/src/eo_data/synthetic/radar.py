"""From materials to Sentinel-1: backscatter, the lie of the slopes, speckle."""

import numpy as np
import numpy.typing as npt

from eo_data.synthetic.fields import Plane, blur
from eo_data.synthetic.landscape import Landscape, slopes
from eo_data.synthetic.materials import BACKSCATTER, MATERIALS
from eo_data.synthetic.places import BUILT
from eo_data.synthetic.surface import Surface

_LOOKS = 3.0
"""Equivalent number of looks before the slight blur of the 20 m resolution."""
_NOISE_FLOOR = 10**-2.85
"""Thermal noise in linear power."""


def backscatter(rng: np.random.Generator, land: Landscape, surface: Surface) -> dict[str, npt.NDArray[np.float32]]:
    """VV and VH in dB, (H, W) float32 on the 10 m grid.

    Args:
        rng: Weather of the date, orbit and speckle.
        land: The ground.
        surface: What covers it on the date.
    """
    power = np.tensordot(BACKSCATTER * _weather(rng), surface.shares, axes=(0, 0))
    power = power * _slope(rng, land.height) * _corners(land, surface.cover)
    speckle = rng.standard_gamma(_LOOKS, power.shape, dtype=np.float32) / _LOOKS
    decibel = 10 * np.log10(blur(power * speckle, 0.1) + _NOISE_FLOOR) + rng.normal(0, 0.4)
    return {band: plane.astype(np.float32) for band, plane in zip(("VV", "VH"), decibel, strict=True)}


def _weather(rng: np.random.Generator) -> Plane:
    """Factor on each material: wind roughens water, rain brightens soil, (materials, 1)."""
    factor = np.ones((len(MATERIALS), 1), np.float32)
    wind, rain = rng.normal(0, 2.2), rng.normal(0, 1.2)
    for number, name in enumerate(MATERIALS):
        factor[number] = 10 ** ((wind if "water" in name else rain if "soil" in name or name == "straw" else 0.0) / 10)
    return factor


def _slope(rng: np.random.Generator, height: Plane) -> Plane:
    """Slopes that face the radar are bright, those that turn away are dark; it looks east or west."""
    _, east = slopes(height)
    look = float(rng.choice([-1, 1]))
    return np.asarray(np.clip(np.exp(1.6 * look * east), 0.2, 4.0))


def _corners(land: Landscape, cover: npt.NDArray[np.uint8]) -> Plane:
    """Walls and streets make corner reflectors: a few pixels of a town are very bright."""
    return np.where(cover == BUILT, np.exp(0.9 * land.noise["grain"] - 0.2), 1.0)
