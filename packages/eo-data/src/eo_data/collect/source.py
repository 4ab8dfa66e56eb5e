"""What a source of images has to offer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from eo_data.collect.places import Point
from eo_data.collect.seasons import Window
from eo_data.collect.square import Square

Pixels: TypeAlias = npt.NDArray[np.integer[Any] | np.floating[Any]]


class UnsuitableError(Exception):
    """Why an image or a place cannot be used. It would be so at any time: trying again does not help."""


class UnreachableError(ConnectionError):
    """A server did not answer as it should, again and again; trying later may help."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One image of a source. What the source does not say is None."""

    product: str
    """`s2a`, `s2c` or `s1`."""
    id: str
    """As the source calls it."""
    folder: str
    """Name of the image's folder: sensing time, processing time and tile for Sentinel-2, the product for Sentinel-1."""
    time: datetime
    """When it was taken, UTC."""
    generated: datetime | None
    """When it was processed."""
    tile: str | None
    """Grid square, such as `32TPT`."""
    epsg: int | None
    """UTM zone of its pixels."""
    bounds: tuple[float, float, float, float] | None = None
    """Left, bottom, right, top of the whole scene in metres."""
    cloud: float | None
    """Cloud cover of the whole scene in percent."""
    missing: float | None
    """Pixels of the whole scene without data in percent."""
    baseline: str | None
    """Processing baseline, such as `04.00`."""
    offset_removed: bool | None
    """Whether the source says that it removed the +1000 of baseline 04.00."""
    assets: Mapping[str, str]
    """Band to address."""
    properties: Mapping[str, object]
    """Whatever else the source says."""


class Source(Protocol):
    """Where images come from. May be used by several threads at once."""

    @property
    def name(self) -> str:
        """For the records."""

    @property
    def products(self) -> Collection[str]:
        """Which of `s2a`, `s2c`, `s1` it has."""

    def search(self, product: str, point: Point, window: Window) -> list[Item]:
        """All images of a product that hold the point and were taken in the window, in any order."""

    def read(self, item: Item, band: str, square: Square) -> Pixels:
        """A band on the square, (H, W), at its native resolution and in its stored unit; Sentinel-1 in dB."""

    def overview(self, item: Item, band: str) -> Pixels:
        """A band of the whole scene at some coarse resolution, (H, W)."""

    def stop(self) -> None:
        """End all waiting: the collection is given up, and the source with it."""
