"""Bands of several native resolutions: all on one grid, or each on its own."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from rasterio.enums import Resampling
from torch import Tensor

from eo_data.dataset import Part
from eo_data.mosaic import read_header, read_mosaic
from eo_data.names import choose
from eo_data.raster import gdal, open_geotiff, read_bands
from eo_data.sensors import SENSORS

Resolution: TypeAlias = Literal[10, 20, 60, "native"]
Size: TypeAlias = tuple[int, int]
FileOf: TypeAlias = Callable[[str], Path]
"""From the name of a band to its file, at one place on one date."""


@dataclass(frozen=True)
class Grid:
    """At which sizes the bands of a data set are read.

    Attributes:
        resolution: Metres of the one grid, or `native`.
        sizes: Height and width in pixels of the files of each native resolution in metres.
        resampling: How bands come to another grid: a method of rasterio's.
    """

    resolution: int | str
    sizes: Mapping[int, Size]
    resampling: str

    def size(self, native: int) -> Size:
        """Height and width at which bands of this native resolution are read."""
        if self.resolution == "native":
            return self.sizes[native]
        target = cast(int, self.resolution)
        nearest = target if target in self.sizes else min(self.sizes)
        height, width = self.sizes[nearest]
        return round(height * nearest / target), round(width * nearest / target)

    def images(self, key: str, part: Part) -> dict[str, tuple[str, ...]]:
        """The bands of each image of a sample: `key` alone, or `key_10m`, `key_20m`, `key_60m`."""
        if self.resolution != "native":
            return {key: part.bands}
        groups = {f"{key}_{native}m": bands_at(native, part) for native in sorted(self.sizes)}
        return {name: bands for name, bands in groups.items() if bands}

    def read(self, key: str, part: Part, file_of: FileOf) -> dict[str, Tensor]:
        """The images of one date, each (C, H, W)."""
        return {name: image[0] for name, image in self.read_dates(key, part, [file_of]).items()}

    def read_dates(self, key: str, part: Part, dates: Sequence[FileOf]) -> dict[str, Tensor]:
        """The images of several dates, each (T, C, H, W)."""
        images = {}
        with gdal():
            for name, bands in self.images(key, part).items():
                files = [(file_of(band), band) for file_of in dates for band in bands]
                pixels = self._read_files(files, part.sensor)
                images[name] = torch.from_numpy(pixels.reshape(len(dates), len(bands), *pixels.shape[1:]))
        return images

    def _read_files(self, files: Sequence[tuple[Path, str]], sensor: str) -> npt.NDArray[np.generic]:
        """Bands of one image, (N, H, W): all at once where that can be, else one by one."""
        headers = [read_header(path) for path, _ in files]
        for header, (path, band) in zip(headers, files, strict=True):
            if header:
                _refuse_odd_size((header.height, header.width), self.sizes[_resolution(sensor, band)], path)
        size = self.size(_resolution(sensor, files[0][1]))
        pixels = read_mosaic([path for path, _ in files], headers, size, self.resampling)
        if pixels is None:
            pixels = np.array([self._read_band(path, band, sensor) for path, band in files])
        return pixels

    def _read_band(self, path: Path, band: str, sensor: str) -> npt.NDArray[np.generic]:
        native = _resolution(sensor, band)
        with open_geotiff(path) as file:
            _refuse_odd_size(file.shape, self.sizes[native], path)
            pixels = read_bands(
                file, path, [band], file_bands=[band], size=self.size(native), resampling=self.resampling
            )
        return pixels.reshape(pixels.shape[1:])


def find_grid(looked_at: Iterable[tuple[Part, FileOf]], *, resolution: Resolution | None, resampling: str) -> Grid:
    """The grid of a data set.

    Args:
        looked_at: Some of its places and dates: the commonest size of each native resolution there is the size of all.
        resolution: 10, 20, 60 or `native`; None: that of the finest band.
        resampling: A method of rasterio's.
    """
    check_resolution(resolution, resampling)
    found: dict[int, Counter[Size]] = {}
    for part, file_of in looked_at:
        for native, band in {SENSORS[part.sensor].band(band).resolution: band for band in part.bands}.items():
            with open_geotiff(file_of(band)) as file:
                found.setdefault(native, Counter())[file.shape] += 1
    sizes = {native: counter.most_common(1)[0][0] for native, counter in found.items()}
    return Grid(resolution or min(sizes), sizes, resampling)


def check_resolution(resolution: object, resampling: str) -> None:
    """Refuse a resolution or a resampling that there is not."""
    if resolution not in (None, 10, 20, 60, "native"):
        raise ValueError(f"resolution must be 10, 20, 60 (metres), 'native' or None, got {resolution!r}")
    choose("resampling", resampling, tuple(method.name for method in Resampling))


def bands_at(native: int, part: Part) -> tuple[str, ...]:
    """The bands of this native resolution, in the order of `part`."""
    return tuple(band for band in part.bands if _resolution(part.sensor, band) == native)


@cache  # asked for every band of every sample
def _resolution(sensor: str, band: str) -> int:
    return SENSORS[sensor].band(band).resolution


def _refuse_odd_size(found: Size, common: Size, path: Path) -> None:
    if any(abs(a - b) > max(4, b // 10) for a, b in zip(found, common, strict=True)):
        raise ValueError(f"{path} has {found[0]} x {found[1]} pixels, files like it have {common[0]} x {common[1]}")
