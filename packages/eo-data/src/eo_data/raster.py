"""Reading single files: GeoTIFF through GDAL, JPEG through Pillow. Every error names the path."""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import torch
from PIL import Image
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.warp import reproject
from rasterio.windows import Window as RasterWindow
from torch import Tensor

from eo_data.crops import Window

_GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # do not list a folder of thousands of files for every file opened
    "GDAL_PAM_ENABLED": "NO",  # do not look for .aux.xml beside the data, and never write one
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE",  # a truncated JPEG strip is an error, not a grey area
}

_local = threading.local()


@contextmanager
def open_geotiff(path: Path, *, georeferenced: bool = False) -> Iterator[DatasetReader]:
    """A GeoTIFF open for reading; whatever GDAL finds wrong inside the block becomes a ValueError that names the path.

    Args:
        path: The file.
        georeferenced: Also read where on Earth it lies. For an image of 64 pixels that doubles the time.
    """
    options = {} if georeferenced else {"GEOREF_SOURCES": "NONE"}
    try:
        # What `rasterio.open` does besides making this object takes as long as opening the file.
        with gdal(), DatasetReader(str(path), driver="GTiff", sharing=False, **options) as file:
            yield file
    except RasterioError as error:
        raise _unreadable(path, error) from error


@contextmanager
def gdal() -> Iterator[None]:
    """GDAL set up for reading; round a sample of many files, it is set up once instead of for each of them."""
    if getattr(_local, "ready", False):
        yield
        return
    with rasterio.Env(**_GDAL_OPTIONS), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        _local.ready = True
        try:
            yield
        finally:
            _local.ready = False


def read_geotiff(
    path: Path,
    bands: Sequence[str],
    *,
    file_bands: Sequence[str],
    size: tuple[int, int] | None = None,
    resampling: str = "bilinear",
) -> Tensor:
    """Bands of one GeoTIFF, picked by name.

    Args:
        path: The file.
        bands: Names of the bands wanted, in the order wanted.
        file_bands: Names of all bands of the file, in the order of the file.
        size: (height, width) to resample to; None keeps the file's.
        resampling: A name of rasterio's resampling methods.

    Returns:
        (C, H, W) in the stored dtype.

    Raises:
        ValueError: Truncated or corrupt file, not as many bands as `file_bands`, or NaN; the message names the path.
    """
    with open_geotiff(path) as file:
        pixels = read_bands(file, path, bands, file_bands=file_bands, size=size, resampling=resampling)
    return torch.from_numpy(pixels)


def read_bands(
    file: DatasetReader,
    path: Path,
    bands: Sequence[str],
    *,
    file_bands: Sequence[str],
    size: tuple[int, int] | None = None,
    resampling: str = "bilinear",
    window: Window | RasterWindow | None = None,
    fill: float | None = None,
) -> npt.NDArray[np.generic]:
    """`read_geotiff` on a file that is open already, or on a `window` of it; `fill` takes the place of NaN.

    A window of rasterio's may begin and end within a pixel: a part that is resampled equals that part of the whole.
    """
    if file.count != len(file_bands):
        raise ValueError(f"{path}: expected {len(file_bands)} bands ({', '.join(file_bands)}), found {file.count}")
    indexes = [file_bands.index(band) + 1 for band in bands]
    part = RasterWindow(window.column, window.row, window.size, window.size) if isinstance(window, Window) else window
    whole = file.shape if part is None else (part.height, part.width)
    shape = None if size is None or size == whole else (len(indexes), *size)
    pixels: npt.NDArray[np.generic] = file.read(
        indexes, out_shape=shape, resampling=Resampling[resampling], window=part
    )
    if fill is not None and np.issubdtype(pixels.dtype, np.floating):
        pixels = np.where(np.isfinite(pixels), pixels, np.asarray(fill, pixels.dtype))
    refuse_nan(pixels, path, bands)
    return pixels


def resample(plane: npt.NDArray[np.generic], side: int, *, method: str) -> npt.NDArray[np.generic]:
    """A square band (H, H) that came without GDAL, on another grid of the same ground; its dtype stays."""
    if len(plane) == side:
        return plane
    crs = "EPSG:32632"  # any: both grids lie on the same ground
    found = np.empty((side, side), plane.dtype)
    reproject(
        plane,
        found,
        src_transform=Affine.scale(side),
        dst_transform=Affine.scale(len(plane)),
        src_crs=crs,
        dst_crs=crs,
        resampling=Resampling[method],
    )
    return found


def refuse_nan(pixels: npt.NDArray[np.generic], path: Path, bands: Sequence[str]) -> None:
    """Raise ValueError if a floating image holds NaN or infinity: one such pixel spoils a whole batch."""
    if not np.issubdtype(pixels.dtype, np.floating) or np.isfinite(pixels).all():
        return
    bad = (~np.isfinite(pixels)).sum(axis=(1, 2))
    counts = ", ".join(f"{band}: {count}" for band, count in zip(bands, bad, strict=True) if count)
    raise ValueError(
        f"{path}: NaN or infinite pixels ({counts} of {pixels[0].size}); repair or remove the file, "
        "or pass fill= to a data set that takes it"
    )


def read_jpeg(path: Path, bands: Sequence[str] = ("R", "G", "B")) -> Tensor:
    """Bands of an RGB picture, (C, H, W) uint8.

    Through Pillow, which takes 0.17 ms for 64 x 64 pixels where rasterio takes 0.42 ms.

    Raises:
        ValueError: Truncated, corrupt or not RGB; the message names the path.
    """
    try:
        with Image.open(path) as picture:
            mode, pixels = picture.mode, np.array(picture)
    except (OSError, SyntaxError) as error:  # Pillow reports some broken files as SyntaxError
        raise _unreadable(path, error) from error
    if mode != "RGB":
        raise ValueError(f"{path}: expected 3 bands (R, G, B), found a picture of mode {mode!r}")
    return torch.from_numpy(pixels.transpose(2, 0, 1)[["RGB".index(band) for band in bands]])


def _unreadable(path: Path, error: Exception) -> Exception:
    if not path.exists():
        return FileNotFoundError(f"{path} is missing")
    return ValueError(f"{path} cannot be read, it is truncated or corrupt ({error}); fetch the file again")
