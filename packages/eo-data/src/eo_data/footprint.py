"""Where on Earth an image lies, as other programs read it."""

import struct
from collections.abc import Sequence

from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform


def footprint_wkb(bounds: Sequence[float], crs: str) -> bytes | None:
    """The footprint of an image as a polygon in longitude and latitude.

    Args:
        bounds: Left, bottom, right, top in the image's own coordinate system.
        crs: That system, such as `EPSG:32632`.

    Returns:
        Well-known binary (OGC 06-103r4), little-endian, a closed ring of the four corners, counterclockwise; None for a
        footprint across the antimeridian, which one polygon cannot hold.

    Raises:
        ValueError: An unknown coordinate system.
    """
    west, south, east, north = (float(value) for value in bounds)
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    try:
        longitudes, latitudes = transform(crs, "OGC:CRS84", *map(list, zip(*corners, strict=True)))
    except (RasterioError, CRSError) as error:
        raise ValueError(f"no footprint in the coordinate system {crs!r} ({error})") from error
    if max(longitudes) - min(longitudes) > 180:
        return None
    points = b"".join(struct.pack("<dd", *point) for point in zip(longitudes, latitudes, strict=True))
    return struct.pack("<BIII", 1, 3, 1, len(corners)) + points  # little-endian, polygon, one ring, its points
