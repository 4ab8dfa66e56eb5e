"""Many files of one band each, read by GDAL in one call: opening and reading each from Python takes as long again."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from struct import error as StructError
from struct import iter_unpack, unpack_from
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from eo_data.raster import gdal

TYPES = {(8, 1): ("Byte", "uint8"), (16, 1): ("UInt16", "uint16"), (16, 2): ("Int16", "int16")}
TYPES |= {(32, 3): ("Float32", "float32")}  # by bits and kind of number


RESAMPLING = ("nearest", "bilinear", "cubic")  # which give the very pixels that reading one by one gives
SHORT = 3  # a field of 16 bits; what follows it means nothing


class Header(NamedTuple):
    """What the first bytes of a TIFF say."""

    height: int
    width: int
    bits: int
    kind: int
    """1 unsigned, 2 signed, 3 floating."""


def read_header(path: Path) -> Header | None:
    """Size and type of a classic, little-endian TIFF of one band (TIFF 6.0, sections 2 and 8); None for any other."""
    with path.open("rb") as file:
        head = file.read(4096)
    try:
        mark, first = unpack_from("<4sI", head)
        (count,) = unpack_from("<H", head, first)
        fields = iter_unpack("<HHII", head[first + 2 : first + 2 + 12 * count])
        tags = {tag: value & 0xFFFF if kind == SHORT else value for tag, kind, _, value in fields}
    except StructError:
        return None
    if mark != b"II*\0" or len(tags) < count or tags.get(277, 1) != 1 or not {256, 257, 258} <= tags.keys():
        return None
    return Header(tags[257], tags[256], tags[258], tags.get(339, 1))


def read_mosaic(
    paths: Sequence[Path], headers: Sequence[Header | None], size: tuple[int, int], resampling: str
) -> npt.NDArray[np.generic] | None:
    """The files as the bands of one GDAL virtual raster, (N, H, W), each stretched to `size`.

    Args:
        paths: Of files of one band.
        headers: What `read_header` says of each.
        size: Height and width.
        resampling: A name of rasterio's resampling methods.

    Returns:
        Pixels in the stored dtype; None where the files are not all of one type that this knows, where GDAL finds
        anything wrong or a pixel is NaN: read them one by one then, which tells what it is.
    """
    kinds = {header and TYPES.get((header.bits, header.kind)) for header in headers}
    kind = kinds.pop()
    if kind is None or kinds or resampling not in RESAMPLING:
        return None
    name, dtype = kind
    bands = "".join(
        _band(number, path, header, name, size, resampling)
        for number, (path, header) in enumerate(zip(paths, headers, strict=True), 1)
        if header
    )
    raster = f'<VRTDataset rasterXSize="{size[1]}" rasterYSize="{size[0]}">{bands}</VRTDataset>'
    pixels = np.empty((len(paths), *size), dtype)
    try:
        with gdal(), DatasetReader(raster, driver="VRT", sharing=False) as file:
            file.read(out=pixels)
    except RasterioError:
        return None
    return pixels if np.issubdtype(pixels.dtype, np.integer) or np.isfinite(pixels).all() else None


def _band(number: int, path: Path, header: Header, name: str, size: tuple[int, int], resampling: str) -> str:
    height, width, *_ = header
    return (
        f'<VRTRasterBand dataType="{name}" band="{number}"><SimpleSource resampling="{resampling}">'
        f'<SourceFilename relativeToVRT="0" shared="0">{escape(str(path.absolute()))}</SourceFilename>'
        '<OpenOptions><OOI key="GEOREF_SOURCES">NONE</OOI></OpenOptions><SourceBand>1</SourceBand>'
        f'<SourceProperties RasterXSize="{width}" RasterYSize="{height}" DataType="{name}" '
        f'BlockXSize="{width}" BlockYSize="1"/><SrcRect xOff="0" yOff="0" xSize="{width}" ySize="{height}"/>'
        f'<DstRect xOff="0" yOff="0" xSize="{size[1]}" ySize="{size[0]}"/></SimpleSource></VRTRasterBand>'
    )
