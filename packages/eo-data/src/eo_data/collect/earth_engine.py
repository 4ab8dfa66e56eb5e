"""Images from Earth Engine, for those who have an account: asked for on exactly the grid that is wanted."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import cast

import numpy as np

from eo_data.collect.places import Point
from eo_data.collect.seasons import Window
from eo_data.collect.source import Item, Pixels, UnreachableError, UnsuitableError
from eo_data.collect.square import SIDE, Square
from eo_data.sensors import SENSORS

try:
    import ee
except ImportError as error:
    raise ImportError("collecting from Earth Engine needs earthengine-api; install eo-data[earthengine]") from error

_PARENT = "projects/earthengine-public/assets/"
_COLLECTIONS = MappingProxyType(
    {"s2a": "COPERNICUS/S2_SR_HARMONIZED", "s2c": "COPERNICUS/S2_HARMONIZED", "s1": "COPERNICUS/S1_GRD"}
)
_RESOLUTIONS = {band.name: band.resolution for band in SENSORS["sentinel2-l1c"].bands} | {"SCL": 20, "VV": 10, "VH": 10}
_RADAR = 'properties.instrumentMode = "IW" AND properties.transmitterReceiverPolarisation : "VH"'
_OVERVIEW = 300  # metres


@dataclass
class EarthEngineSource:
    """Earth Engine through the project of an account.

    Args:
        project: Cloud project that the requests are counted against.

    Raises:
        ConnectionError: No account is set up on this machine, or it has no such project.
    """

    project: str | None = None

    def __post_init__(self) -> None:
        try:
            ee.Initialize(project=self.project)
        except Exception as error:  # it raises many kinds, from Google's libraries too
            hint = "run `earthengine authenticate` once and name a cloud project with --project"
            raise ConnectionError(f"Earth Engine does not let you in: {error}; {hint}") from error

    @property
    def name(self) -> str:
        """For the records."""
        return "earth-engine"

    @property
    def products(self) -> tuple[str, ...]:
        """All three."""
        return tuple(_COLLECTIONS)

    def search(self, product: str, point: Point, window: Window) -> list[Item]:
        """One listing request."""
        listed = _ask(lambda: ee.data.listImages(list_request(product, point, window)))
        images = cast(Mapping[str, list[Mapping[str, object]]], listed).get("images") or []
        return [read_item(image, product) for image in images]

    def read(self, item: Item, band: str, square: Square) -> Pixels:
        """One pixel request, of the stored pixels."""
        if band not in item.assets:
            raise UnsuitableError(f"the image has no {band}")
        resolution = _RESOLUTIONS[band]
        pixels = self._pixels(item, band, square.left, square.top, resolution, SIDE // resolution)
        if item.product == "s1" and not (np.isfinite(pixels) & (pixels != 0)).all():  # masked pixels come as 0
            raise UnsuitableError(f"{band} has pixels without data in the square")
        return pixels

    def overview(self, item: Item, band: str) -> Pixels:
        """One pixel request, of the whole scene at 300 m."""
        assert item.bounds is not None
        left, _, right, top = item.bounds
        return self._pixels(item, band, left, top, _OVERVIEW, int(right - left) // _OVERVIEW)

    def stop(self) -> None:
        """Requests are short: they may end."""

    def _pixels(self, item: Item, band: str, left: float, top: float, resolution: int, size: int) -> Pixels:
        asset, _, name = item.assets[band].rpartition("/")
        request = pixel_request(asset, name, epsg=item.epsg, left=left, top=top, resolution=resolution, size=size)
        return np.asarray(cast(Mapping[str, Pixels], _ask(lambda: ee.data.getPixels(request)))[name])


def list_request(product: str, point: Point, window: Window) -> dict[str, object]:
    """What `ee.data.listImages` is asked for the images of a product round a point."""
    region = {"type": "Point", "coordinates": [point.longitude, point.latitude]}
    request: dict[str, object] = {
        "parent": _PARENT + _COLLECTIONS[product],
        "startTime": f"{window.start}T00:00:00Z",
        "endTime": f"{window.end}T00:00:00Z",
        "region": json.dumps(region),
    }
    return {**request, "filter": _RADAR} if product == "s1" else request


def pixel_request(
    asset: str, band: str, *, epsg: int | None, left: float, top: float, resolution: int, size: int
) -> dict[str, object]:
    """What `ee.data.getPixels` is asked for a square of a band, its corner in metres, `size` pixels a side."""
    corner = {
        "scaleX": resolution,
        "shearX": 0,
        "translateX": left,
        "shearY": 0,
        "scaleY": -resolution,
        "translateY": top,
    }
    grid = {"dimensions": {"width": size, "height": size}, "affineTransform": corner, "crsCode": f"EPSG:{epsg}"}
    return {"assetId": asset, "fileFormat": "NUMPY_NDARRAY", "bandIds": [band], "grid": grid}


def read_item(image: Mapping[str, object], product: str) -> Item:
    """What Earth Engine says of an image, under our names."""
    properties = cast(Mapping[str, object], image["properties"])
    identity, index = str(image["name"]), str(image["name"]).rpartition("/")[2]
    bands = [cast(Mapping[str, object], band) for band in cast(list[object], image["bands"])]
    grid = cast(Mapping[str, object], bands[-1 if product == "s1" else 1]["grid"])  # B2: 10 m
    baseline = properties.get("PROCESSING_BASELINE")
    generated = properties.get("GENERATION_TIME")
    tile = properties.get("MGRS_TILE")
    return Item(
        product=product,
        id=identity,
        folder=index,
        time=datetime.fromisoformat(str(image["startTime"])),
        generated=datetime.fromtimestamp(float(str(generated)) / 1000, UTC) if generated else None,
        tile=None if tile is None else str(tile),
        epsg=int(str(grid["crsCode"]).removeprefix("EPSG:")),
        bounds=_bounds(grid),
        cloud=_percent(properties, "CLOUDY_PIXEL_PERCENTAGE"),
        missing=_percent(properties, "NODATA_PIXEL_PERCENTAGE"),
        baseline=None if baseline is None else str(baseline),
        offset_removed=None if baseline is None else float(str(baseline)) >= 4,  # what "harmonized" promises
        assets={_canonical(str(band["id"])): f"{identity}/{band['id']}" for band in bands},
        properties=properties,
    )


def _ask(request: Callable[[], object]) -> object:
    """Earth Engine's answer; its library asks again by itself when the service is busy."""
    try:
        return request()
    except (ee.EEException, OSError) as error:
        raise UnreachableError(f"Earth Engine: {error}") from error


def _bounds(grid: Mapping[str, object]) -> tuple[float, float, float, float]:
    corner = cast(Mapping[str, float], grid["affineTransform"])
    size = cast(Mapping[str, int], grid["dimensions"])
    left, top = corner["translateX"], corner["translateY"]
    return left, top + corner["scaleY"] * size["height"], left + corner["scaleX"] * size["width"], top


def _percent(properties: Mapping[str, object], name: str) -> float | None:
    said = properties.get(name)
    return None if said is None else float(str(said))


def _canonical(band: str) -> str:
    """`B2` as `B02`; whatever is no band of Sentinel-2 as it is."""
    return f"B0{band[1:]}" if len(band) == 2 and band[0] == "B" else band
