"""From materials to Sentinel-2: sunlight on the slopes, cloud, air, and the instrument."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.sensors import SENSORS
from eo_data.synthetic.fields import Plane, blur, fractal, shrink, smoothstep
from eo_data.synthetic.landscape import Landscape, slopes
from eo_data.synthetic.materials import BANDS, REFLECTANCE
from eo_data.synthetic.seasons import Season

_L1C = SENSORS["sentinel2-l1c"]
_RESOLUTIONS = {band.name: band.resolution for band in _L1C.bands}
_WAVELENGTHS = np.array([_L1C.band(name).wavelength_um for name in BANDS], np.float32)
_RAYLEIGH = 0.0032 * _WAVELENGTHS**-4.05
"""Reflectance of clean air above a black surface."""
_CLOUD = np.select([_WAVELENGTHS < 1, _WAVELENGTHS < 2], [0.78, 0.48], 0.34).astype(np.float32)
"""Reflectance of a thick cloud: its droplets absorb in the short-wave infrared."""


@dataclass(frozen=True)
class Sky:
    """Air and cloud on one date, and how the instrument saw them."""

    haze: float
    """Optical depth of the aerosol at 0.55 µm."""
    vapour: float
    """Share of the light at 0.945 µm that water vapour leaves."""
    gain: Plane
    """(12,) factor on the reflectance of each band: view angle, calibration, the brightness of the date."""
    residual: Plane
    """(12,) reflectance that the correction for the atmosphere leaves over or takes too much."""
    cloud: Plane
    """(H, W) share of the light that cloud hides."""
    shadow: Plane
    """(H, W) share of the direct sun that cloud takes from the ground."""
    cirrus: float
    """How high the cloud is: share of it that B10 sees."""


def draw_sky(rng: np.random.Generator, season: Season, size: int, *, cloudiness: float) -> Sky:
    """The sky of one date.

    Args:
        rng: Where it comes from.
        season: The date.
        size: Pixels along each side.
        cloudiness: Probability that there is cloud at all.
    """
    tilt = np.log(_WAVELENGTHS / 0.8)
    gain = np.exp(rng.normal(0, 0.13) + 0.06 * rng.standard_normal() * tilt + 0.012 * _normal(rng, len(tilt)))
    haze = 0.02 + 0.09 * rng.gamma(1.2)
    residual = 0.006 * rng.standard_normal() * (0.55 / _WAVELENGTHS) ** 1.5
    vapour = rng.uniform(0.2, 0.45)
    kind = rng.random() / max(cloudiness, 1e-9)
    cloud, shadow, cirrus = _clouds(rng, season, size, thin=kind < 0.4) if kind < 1 else _clear(size)
    return Sky(haze, vapour, gain, residual, cloud, shadow, cirrus)


def _clear(size: int) -> tuple[Plane, Plane, float]:
    clear = np.zeros((size, size), np.float32)
    return clear, clear, 0.0


def _clouds(rng: np.random.Generator, season: Season, size: int, *, thin: bool) -> tuple[Plane, Plane, float]:
    """A veil of cirrus, or heaps of cumulus with their shadows away from the sun."""
    if thin:
        veil = fractal(rng, size, [(4.2, 90)])[0]
        return 0.17 * smoothstep(veil, -1.0, 2.0), np.zeros_like(veil), 0.5
    margin = 24
    heaps, puffs = fractal(rng, size + 2 * margin, [(3.4, 40), (2.0, 8)])
    cloud = smoothstep(heaps + 0.35 * puffs, rng.uniform(0.9, 1.6), 2.4)
    azimuth = math.radians(season.sun_azimuth)
    reach = rng.uniform(6, 16)
    shift = (round(math.cos(azimuth) * reach), round(-math.sin(azimuth) * reach))
    shadow = np.roll(cloud, shift, axis=(0, 1))
    inside = np.s_[margin : margin + size, margin : margin + size]
    return cloud[inside], shadow[inside] * (1 - cloud[inside]), 0.02


def sunlight(land: Landscape, season: Season) -> Plane:
    """Light on the ground relative to flat ground, (H, W)."""
    south, east = slopes(land.height)
    azimuth, elevation = math.radians(season.sun_azimuth), math.radians(season.sun_elevation)
    level, up = math.cos(elevation), math.sin(elevation)
    toward = up + level * (math.cos(azimuth) * south - math.sin(azimuth) * east)
    direct = np.maximum(toward, 0) / np.sqrt(1 + south**2 + east**2) / up
    return np.asarray(np.clip(0.2 + 0.8 * direct, 0.0, 1.8))


def place_signature(rng: np.random.Generator) -> Plane:
    """Reflectance of the materials at one place, for no two soils, roofs or forests are alike: (materials, 12)."""
    count = len(REFLECTANCE)
    tilt = np.log(_WAVELENGTHS / 0.8)
    change = (
        0.14 * _normal(rng, count, 1) + 0.07 * _normal(rng, count, 1) * tilt + 0.03 * _normal(rng, count, len(tilt))
    )
    return np.asarray(np.minimum(REFLECTANCE * np.exp(change), 0.95))


def _normal(rng: np.random.Generator, *shape: int) -> Plane:
    return rng.standard_normal(shape, dtype=np.float32)


def reflectance(signature: Plane, shares: Plane, light: Plane, sky: Sky) -> Plane:
    """Reflectance of ground and cloud without air, (12, H, W) on the 10 m grid, blurred by the telescope."""
    lit = light * (1 - 0.65 * sky.shadow) * (1 - sky.cloud)
    ground = np.tensordot(signature, shares, axes=(0, 0)) * lit
    return blur(ground + _CLOUD[:, None, None] * sky.cloud, 0.12)


def level_1c(rng: np.random.Generator, ground: Plane, sky: Sky) -> dict[str, npt.NDArray[np.uint16]]:
    """The 13 bands at the top of the atmosphere, digital numbers at native resolution."""
    aerosol = sky.haze * (_WAVELENGTHS / 0.55) ** -1.3
    path = sky.gain * (_RAYLEIGH + 0.11 * aerosol)
    passing = sky.gain * np.exp(-0.25 * aerosol - 1.6 * _RAYLEIGH)
    passing[BANDS.index("B09")] *= sky.vapour
    top = path[:, None, None] + passing[:, None, None] * ground
    cirrus = 0.0012 + sky.cirrus * 0.1 * sky.cloud
    return _digital(rng, (*BANDS, "B10"), np.concatenate([top, cirrus[None]]))


def level_2a(rng: np.random.Generator, ground: Plane, sky: Sky) -> dict[str, npt.NDArray[np.uint16]]:
    """The 12 bands at the surface after an imperfect correction for the atmosphere, digital numbers at native size."""
    return _digital(rng, BANDS, sky.gain[:, None, None] * ground + sky.residual[:, None, None])


def _digital(rng: np.random.Generator, bands: tuple[str, ...], planes: Plane) -> dict[str, npt.NDArray[np.uint16]]:
    """Digital numbers (10000 is a reflectance of 1, 0 means no data) with the noise of the instrument."""
    digital: dict[str, npt.NDArray[np.uint16]] = {}
    for resolution in (10, 20, 60):
        rows = [row for row, band in enumerate(bands) if _RESOLUTIONS[band] == resolution]
        number = 1e4 * (planes[rows] if resolution == 10 else shrink(planes[rows], resolution // 10))
        number += rng.standard_normal(number.shape, dtype=np.float32) * (7.0 + 0.006 * np.abs(number))
        digital |= {bands[row]: plane for row, plane in zip(rows, _to_uint16(number), strict=True)}
    return {band: digital[band] for band in _RESOLUTIONS if band in digital}


def _to_uint16(number: Plane) -> npt.NDArray[np.uint16]:
    return np.clip(np.rint(number), 1, 65535).astype(np.uint16)
