"""Images from a STAC API: found through pystac-client, read in parts from the files that it points to."""

from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import numpy as np

from eo_data.collect.http import Http
from eo_data.collect.places import Point
from eo_data.collect.profiles import Collection, Profile
from eo_data.collect.remote import RemoteFile, read_overview, read_square, warp_square
from eo_data.collect.seasons import Window
from eo_data.collect.signing import Signer
from eo_data.collect.source import Item, Pixels, UnreachableError, UnsuitableError
from eo_data.collect.square import Square
from eo_data.sensors import SENSORS

try:
    from pystac_client import ItemSearch
    from pystac_client.exceptions import APIError
    from pystac_client.stac_api_io import StacApiIO
except ImportError as error:
    raise ImportError("collecting from a STAC API needs pystac-client; install eo-data[stac]") from error

_TIME = "%Y%m%dT%H%M%S"
_OVERVIEW = 366  # pixels a side: one in thirty of a Sentinel-2 tile, so that GDAL reads a small overview
_RESOLUTIONS = {band.name: band.resolution for band in SENSORS["sentinel2-l2a"].bands} | {"SCL": 20, "VV": 10, "VH": 10}


@dataclass
class StacSource:
    """A STAC API and the Cloud-Optimized GeoTIFFs that it lists."""

    profile: Profile
    http: Http = field(default_factory=Http)

    def __post_init__(self) -> None:
        self._signer = Signer(self.profile, self.http)

    @property
    def name(self) -> str:
        """Of the profile."""
        return self.profile.name

    @property
    def products(self) -> Names[str]:
        """Of the profile."""
        return tuple(self.profile.products)

    def search(self, product: str, point: Point, window: Window) -> list[Item]:
        """Ask the API; what it gives beyond the window is left out."""
        collection = self.profile.products[product]
        try:
            found = ItemSearch(
                f"{self.profile.url}/search",
                stac_io=_PatientIO(self.http),
                collections=[collection.name],
                intersects={"type": "Point", "coordinates": [point.longitude, point.latitude]},
                datetime=f"{window.start}T00:00:00Z/{window.end}T00:00:00Z",
                limit=100,
            )
            items = [read_item(item, product, collection) for item in found.items_as_dicts()]
        except (APIError, LookupError, ValueError) as error:
            raise UnreachableError(f"{self.profile.url} answers no search as a STAC API does: {error}") from error
        return [item for item in items if window.holds(item.time)]

    def read(self, item: Item, band: str, square: Square) -> Pixels:
        """Windowed read of the band's file; Sentinel-1 is warped to the square's grid and turned to dB."""
        file = self._file(item, band)
        if item.product != "s1":
            return read_square(file, square, _RESOLUTIONS[band])
        return decibel(warp_square(file, square, _RESOLUTIONS[band]))

    def overview(self, item: Item, band: str) -> Pixels:
        """A small overview of the band's file."""
        return read_overview(self._file(item, band), _OVERVIEW)

    def stop(self) -> None:
        """No request is tried again."""
        self.http.stop.set()

    def _file(self, item: Item, band: str) -> RemoteFile:
        if band not in item.assets:
            raise UnsuitableError(f"the item has no {band}")
        href, collection = item.assets[band], self.profile.products[item.product].name
        return RemoteFile(href, self.http, lambda refused: self._signer.sign(href, collection, refused=refused))


class _PatientIO(StacApiIO):
    """pystac-client's requests through our client, which knows how to wait."""

    def __init__(self, http: Http) -> None:
        super().__init__(max_retries=None)
        self._http = http

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, object] | None = None,
    ) -> str:
        return self._http.send(method or "GET", href, headers=headers, parameters=parameters).text


def read_item(item: Mapping[str, object], product: str, collection: Collection) -> Item:
    """What a STAC item says, under our names.

    Args:
        item: The item as JSON.
        product: Which product it is.
        collection: How its collection names things.
    """
    properties = cast(Mapping[str, object], item["properties"])
    assets = cast(Mapping[str, Mapping[str, str]], item.get("assets", {}))
    identity, time = str(item["id"]), _moment(str(properties["datetime"]))
    generated = _moment(said) if (said := _text(properties, collection.generated)) else None
    tile = (_text(properties, collection.tile) or "").removeprefix("MGRS-") or None
    return Item(
        product=product,
        id=identity,
        folder=identity if product == "s1" else f"{time:{_TIME}}_{generated or time:{_TIME}}_T{tile}",
        time=time,
        generated=generated,
        tile=tile,
        epsg=_epsg(properties),
        cloud=_number(properties, collection.cloud),
        missing=_number(properties, collection.missing),
        baseline=_text(properties, collection.baseline),
        offset_removed=cast(bool | None, properties.get(collection.offset_removed or "")),
        assets={band: assets[name]["href"] for band, name in collection.assets.items() if name in assets},
        properties=properties,
    )


def decibel(power: Pixels) -> Pixels:
    """Linear power in dB, float32; no power at all is no data."""
    if not (np.isfinite(power) & (power > 0)).all():
        raise UnsuitableError(f"{int((~(power > 0)).sum())} pixels without data in the square")
    return np.asarray(10 * np.log10(power), dtype=np.float32)


def _epsg(properties: Mapping[str, object]) -> int | None:
    said = properties.get("proj:epsg") or str(properties.get("proj:code") or "").removeprefix("EPSG:")
    return int(str(said)) if said else None


def _moment(said: str) -> datetime:
    moment = datetime.fromisoformat(said)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(properties: Mapping[str, object], name: str | None) -> str | None:
    said = properties.get(name or "")
    return None if said is None else str(said)


def _number(properties: Mapping[str, object], name: str | None) -> float | None:
    said = properties.get(name or "")
    return None if said is None else float(str(said))
