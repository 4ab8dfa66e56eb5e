"""The trees of files that data sets expect, and how an image goes into one of its folders."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

import numpy as np
import rasterio

from eo_data.collect.image import SENSOR_OF, Image
from eo_data.collect.seasons import Window, seco_windows, ssl4eo_windows
from eo_data.collect.source import Pixels
from eo_data.sensors import SENSORS


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A published data set: its tree, and the seasons and clouds that its authors asked for."""

    name: str
    products: tuple[str, ...]
    """What it may hold; the first is the default."""
    windows: Callable[[date, int], tuple[Window, ...]]
    """From the end date and the shift to the seasons, latest first."""
    max_cloud: float
    """Percent of the scene."""
    folders: Callable[[str, int], str]
    """From product and place to the folder of the place."""
    quantized: bool
    """uint8 in steps of 1/255 reflectance, with a metadata.json; else as stored."""


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "seco": Layout(
            name="seco",
            products=("s2a",),
            windows=seco_windows,
            max_cloud=10,
            folders=lambda product, place: f"seasonal_contrast_100k/{place:06d}",
            quantized=True,
        ),
        "ssl4eo_s12": Layout(
            name="ssl4eo_s12",
            products=("s2a", "s2c", "s1"),
            windows=ssl4eo_windows,
            max_cloud=20,
            folders=lambda product, place: f"{product}/{place:07d}",
            quantized=False,
        ),
    }
)
"""Every layout, by name."""


def write_image(folder: Path, image: Image, layout: Layout) -> None:
    """Write a new folder with one GeoTIFF per band: lossless, on the true grid, named without leading zero."""
    folder.mkdir(parents=True)
    sensor = SENSORS[SENSOR_OF[image.item.product]]
    for band, pixels in image.bands.items():
        stored = quantize(pixels) if layout.quantized else pixels
        _write_band(folder / f"{re.sub('^B0', 'B', band)}.tif", stored, image, sensor.band(band).resolution)
    if layout.quantized:
        (folder / "metadata.json").write_text(json.dumps(_metadata(image), indent=1) + "\n")


def quantize(pixels: Pixels) -> Pixels:
    """Digital numbers as floor(255 · clip(DN / 10000, 0, 1)), as SeCo's downloader stores them."""
    return (np.minimum(pixels, 10_000).astype(np.uint32) * 255 // 10_000).astype(np.uint8)


def _write_band(path: Path, pixels: Pixels, image: Image, resolution: int) -> None:
    height, width = pixels.shape
    profile = {"driver": "GTiff", "count": 1, "height": height, "width": width, "dtype": pixels.dtype.name}
    grid = {"crs": f"EPSG:{image.square.epsg}", "transform": image.square.transform(resolution)}
    packing = {"compress": "DEFLATE", "predictor": 3 if pixels.dtype.kind == "f" else 2}
    with rasterio.open(path, "w", **profile, **grid, **packing) as file:
        file.write(pixels, 1)


def _metadata(image: Image) -> dict[str, object]:
    """What the source says of the image, and where the square lies."""
    item, square = image.item, image.square
    ours = {"id": item.folder, "item": item.id, "crs": f"EPSG:{square.epsg}", "bounds": square.bounds}
    return {**ours, "properties": dict(item.properties)}
