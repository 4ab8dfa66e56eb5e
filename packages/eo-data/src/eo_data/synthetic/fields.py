"""Planes of numbers: fractal noise, and the few operations on images that the synthetic Earth needs.

A plane is a float32 array (H, W) on the 10 m grid. Several planes may be stacked along leading axes.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.float32]

_MARGIN = 16
"""Noise made by FFT repeats at its borders; this many pixels more are made and cut away."""


def fractal(rng: np.random.Generator, size: int, shapes: Sequence[tuple[float, float]]) -> Plane:
    """Independent fields of spectral (1/f) noise, one per shape.

    The power spectrum of each is (f² + 1/extent²)^(-slope/2): it falls as f^-slope above the frequency 1/extent and is
    flat below, so that a window of 72 pixels and one of 264 show features of the same size.

    Args:
        rng: Where the noise comes from.
        size: Pixels along each side.
        shapes: (slope, extent) per field: slope 0 is white noise, 2 a ragged coast, 4 rolling hills; extent in pixels.

    Returns:
        (len(shapes), size, size), mean 0 and variance 1 over many draws.
    """
    padded = _even_fast(size + _MARGIN)
    half = (len(shapes), padded, padded // 2 + 1)
    white = rng.standard_normal((2, *half), dtype=np.float32)
    spectrum = np.stack([_amplitude(padded, slope, extent) for slope, extent in shapes]) * (white[0] + 1j * white[1])
    return np.asarray(np.fft.irfft2(spectrum, s=(padded, padded))[:, :size, :size], dtype=np.float32)


@lru_cache(maxsize=256)
def _amplitude(size: int, slope: float, extent: float) -> npt.NDArray[np.float32]:
    down, across = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :]
    amplitude = (down**2 + across**2 + 1 / extent**2) ** (-slope / 4)
    amplitude *= size / np.sqrt(2 * np.mean(amplitude**2))  # variance 1 after irfft2, which divides by size²
    return np.asarray(amplitude[:, : size // 2 + 1], dtype=np.float32)


def _even_fast(size: int) -> int:
    """The next even length whose only prime factors are 2, 3 and 5: the FFT is fastest there."""
    while size % 2 or not _is_smooth(size):
        size += 1
    return size


def _is_smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


def smoothstep(x: Plane, low: float, high: float) -> Plane:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))


def distance_to_zero(field: Plane) -> Plane:
    """Distance in pixels to the line where a smooth field is zero, to first order: |f| / |gradient of f|."""
    down, across = np.gradient(field)
    return np.asarray(np.abs(field) / np.maximum(np.hypot(down, across), 1e-6))


def blur(planes: Plane, weight: float) -> Plane:
    """Three-tap smoothing along both axes: each pixel gives `weight` of itself to each neighbour; borders repeat."""
    for axis in (-2, -1):
        edge = [(0, 0)] * planes.ndim
        edge[axis] = (1, 1)
        wide = np.moveaxis(np.pad(planes, edge, mode="edge"), axis, -1)
        planes = np.moveaxis(wide[..., 1:-1] * (1 - 2 * weight) + (wide[..., :-2] + wide[..., 2:]) * weight, -1, axis)
    return planes


def shrink(planes: Plane, factor: int) -> Plane:
    """Means over blocks of factor × factor pixels, along the last two axes."""
    rows = np.add.reduce([planes[..., i::factor, :] for i in range(factor)])
    return np.asarray(np.add.reduce([rows[..., i::factor] for i in range(factor)]) * np.float32(factor**-2))


def enlarge(planes: Plane, factor: int) -> Plane:
    """Bilinear interpolation onto a grid `factor` times as fine, along the last two axes, for what `shrink` made."""
    rows, columns = _bilinear(planes.shape[-2], factor), _bilinear(planes.shape[-1], factor)
    return np.asarray(rows @ planes @ columns.T)


@lru_cache(maxsize=32)
def _bilinear(length: int, factor: int) -> Plane:
    centres = (np.arange(length * factor) + 0.5) / factor - 0.5
    weights = 1 - np.abs(np.clip(centres, 0, length - 1)[:, None] - np.arange(length))
    return np.asarray(np.maximum(weights, 0), dtype=np.float32)
