"""Reading parts of a GeoTIFF on a server: GDAL asks for bytes, only these are fetched, and each of them once.

GDAL's own reader of web addresses hides what went wrong. Here every failure is seen: a server that is busy is asked
again, a refused token renewed, an answer cut short thrown away.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import rasterio
import requests
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from eo_data.collect.http import DeniedError, Http, MissingError
from eo_data.collect.source import Pixels, UnreachableError, UnsuitableError
from eo_data.collect.square import SIDE, Square

T = TypeVar("T")
_BLOCK = 1 << 16
_GDAL_OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}  # nothing lies beside the file


class RemoteFile:
    """The bytes of a file on a server.

    Args:
        href: Its address, for messages.
        http: What fetches.
        sign: Given None or the address that was refused, the address to ask.
    """

    def __init__(self, href: str, http: Http, sign: Callable[[str | None], str]) -> None:
        self.href, self.http, self.sign = href, http, sign
        self.failure: Exception | None = None
        self._blocks: dict[int, bytes] = {}
        self._size: int | None = None

    @property
    def size(self) -> int:
        """Length in bytes."""
        if self._size is None:
            self._fetch(0, 1)
        assert self._size is not None
        return self._size

    def read(self, start: int, length: int) -> bytes:
        """So many bytes from here on, fewer at the end of the file."""
        length = max(0, min(length, self.size - start))
        if not length:
            return b""
        first, last = start // _BLOCK, (start + length - 1) // _BLOCK
        for run in _runs([block for block in range(first, last + 1) if block not in self._blocks]):
            self._fetch(run[0], len(run))
        content = b"".join(self._blocks[block] for block in range(first, last + 1))
        return content[start - first * _BLOCK :][:length]

    def _fetch(self, block: int, count: int) -> None:
        """Fetch blocks that lie side by side in one request."""
        start = block * _BLOCK
        content, total = self._range(start, start + count * _BLOCK)
        if self._size not in (None, total):
            raise UnreachableError(f"{self.href} changed while it was read: {self._size} bytes became {total}")
        self._size = total
        for offset in range(0, len(content), _BLOCK):
            self._blocks[(start + offset) // _BLOCK] = content[offset : offset + _BLOCK]

    def _range(self, start: int, end: int) -> tuple[bytes, int]:
        """The bytes from start to before end, and the length of the file."""
        address, complaint = self.sign(None), ""
        for _ in range(self.http.patience.attempts):
            try:
                answer = self.http.get(address, headers={"Range": f"bytes={start}-{end - 1}"}, length=end - start)
            except DeniedError as error:
                address, complaint = self.sign(address), str(error)
                continue
            total = _length_of_file(answer, start)
            if len(answer.content) == min(end, total) - start:
                return answer.content, total
            complaint = f"{len(answer.content)} of {min(end, total) - start} bytes came"
        raise UnreachableError(f"{self.href} cannot be read: {complaint}")


class _Reader(io.RawIOBase):
    """A remote file as GDAL wants it. Errors cannot pass through GDAL: they wait in the file's `failure`."""

    def __init__(self, file: RemoteFile) -> None:
        self.file, self.position = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position}
        self.position = offset + (base[whence] if whence in base else self._safely(lambda: self.file.size, 0))
        return self.position

    def tell(self) -> int:
        return self.position

    def read(self, size: int = -1) -> bytes:
        wanted = size if size >= 0 else 1 << 62
        content = self._safely(lambda: self.file.read(self.position, wanted), b"")
        self.position += len(content)
        return content

    def _safely(self, ask: Callable[[], T], otherwise: T) -> T:
        if self.file.failure is None:
            try:
                return ask()
            except Exception as error:
                self.file.failure = error
        return otherwise


def read_square(file: RemoteFile, square: Square, resolution: int) -> Pixels:
    """The pixels of a square, (H, W), as stored; they must share its grid.

    Raises:
        UnsuitableError: Another grid or zone, the square crosses the border, or the file is broken.
        UnreachableError: The server failed.
    """
    with _open(file) as image:
        window = _window(image, square, resolution, file.href)
        return np.asarray(image.read(1, window=window))


def warp_square(file: RemoteFile, square: Square, resolution: int) -> Pixels:
    """The pixels of a square from an image on any grid, bilinear; NaN where it has none."""
    size = SIDE // resolution
    grid = {"crs": f"EPSG:{square.epsg}", "transform": square.transform(resolution), "width": size, "height": size}
    with _open(file) as image, WarpedVRT(image, resampling=Resampling.bilinear, **grid) as warped:
        return np.asarray(warped.read(1, masked=True).astype(np.float32).filled(np.nan))


def read_overview(file: RemoteFile, size: int) -> Pixels:
    """The whole image with so many pixels a side, (size, size), the nearest of those stored."""
    with _open(file) as image:
        return np.asarray(image.read(1, out_shape=(min(size, image.height), min(size, image.width))))


@contextmanager
def _open(file: RemoteFile) -> Iterator[DatasetReader]:
    """The file opened by GDAL; what went wrong on the way to the server comes before what GDAL makes of it."""
    try:
        with (
            rasterio.Env(**_GDAL_OPTIONS),
            rasterio.open(file.href, driver="GTiff", opener=lambda path, mode="rb": _Reader(file)) as image,
        ):
            yield image
    except RasterioError as error:
        if isinstance(file.failure, MissingError):
            raise UnsuitableError(str(file.failure)) from file.failure
        if file.failure is not None:
            raise file.failure from error
        raise UnsuitableError(f"{file.href} is no whole GeoTIFF ({error})") from error


def _window(image: DatasetReader, square: Square, resolution: int, href: str) -> Window:
    size = SIDE // resolution
    grid = image.transform
    if image.crs is None or image.crs.to_epsg() != square.epsg or (grid.a, grid.e) != (resolution, -resolution):
        crs = image.crs and image.crs.to_string()
        expected = f"EPSG:{square.epsg} at {resolution} m"
        raise UnsuitableError(f"{href} is in {crs} at {grid.a:g} m, its item or its band says {expected}")
    column, row = (square.left - grid.c) / resolution, (grid.f - square.top) / resolution
    if column % 1 or row % 1:
        raise UnsuitableError(f"{href} does not lie on the 60 m grid: its corner is {grid.c:.10g}, {grid.f:.10g}")
    if not (0 <= column <= image.width - size and 0 <= row <= image.height - size):
        raise UnsuitableError("the square crosses the border of the tile")
    return Window(int(column), int(row), size, size)


def _length_of_file(answer: requests.Response, start: int) -> int:
    """What the answer to a request for a part says of the whole; the whole itself may come if it was asked for."""
    said = re.fullmatch(rf"bytes {start}-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    if said is None and (start or answer.status_code != 200):
        raise UnreachableError(f"{answer.url.partition('?')[0]} does not say which part of the file it sends")
    return int(said[1]) if said else len(answer.content)


def _runs(blocks: list[int]) -> Iterator[list[int]]:
    """Numbers in groups that follow one another."""
    run: list[int] = []
    for block in blocks:
        if run and block != run[-1] + 1:
            yield run
            run = []
        run.append(block)
    if run:
        yield run
