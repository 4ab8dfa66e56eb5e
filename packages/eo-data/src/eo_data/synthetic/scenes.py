"""One location of the synthetic Earth, in every season and through every instrument."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from eo_data.names import nearest
from eo_data.synthetic.landscape import draw_landscape
from eo_data.synthetic.optics import draw_sky, level_1c, level_2a, place_signature, reflectance, sunlight
from eo_data.synthetic.places import Place, draw_place
from eo_data.synthetic.radar import backscatter
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.seasons import draw_season, season_numbers
from eo_data.synthetic.sight import PLAIN, Sight, surface_through

PRODUCTS = ("s1", "s2a", "s2c")
"""Sentinel-1 GRD in dB, Sentinel-2 L2A and Sentinel-2 L1C in digital numbers."""


@dataclass(frozen=True)
class Acquisition:
    """One season of a scene."""

    number: int
    """0 December, 1 March, 2 June, 3 September."""
    date: datetime
    """When Sentinel-2 passed, UTC."""
    s1_date: datetime
    """When Sentinel-1 passed: within four days."""
    cover: npt.NDArray[np.uint8]
    """Land cover on that date, (H, W), index into `COVERS`."""
    cloud: npt.NDArray[np.float32]
    """Share of each pixel that cloud hides from Sentinel-2, (H, W)."""
    s1: dict[str, npt.NDArray[np.float32]]
    """VV and VH in dB, (H, W)."""
    s2a: dict[str, npt.NDArray[np.uint16]]
    """12 bands of L2A; 10 m bands (H, W), 20 m (H/2, W/2), 60 m (H/6, W/6)."""
    s2c: dict[str, npt.NDArray[np.uint16]]
    """13 bands of L1C, likewise."""

    def rgb(self, *, white: float = 2750.0) -> npt.NDArray[np.uint8]:
        """True colour for the eye, (H, W, 3); `white` is the digital number shown as white, EuroSAT's by default."""
        bands = self.s2c or self.s2a
        stack = np.stack([bands[band] for band in ("B04", "B03", "B02")], axis=-1)
        return np.asarray(np.clip(stack * (255 / white), 0, 255), dtype=np.uint8)


@dataclass(frozen=True)
class Scene:
    """One location of the synthetic Earth."""

    place: Place
    origin: tuple[float, float]
    """Easting and northing of the upper left corner in metres, in UTM."""
    epsg: int
    """Code of the UTM zone."""
    seasons: tuple[Acquisition, ...]
    """In the order of time."""


def scene(seed: int, location: int, size: int = 264, *, seasons: int = 4, products: Iterable[str] = PRODUCTS) -> Scene:
    """One location of the synthetic Earth.

    The result depends on the arguments alone. A product or a season is the same whether or not others are asked for.

    Args:
        seed: The world; at least 0.
        location: The place in it; at least 0.
        size: Pixels of 10 m along each side; a multiple of 6, for bands of 20 m and 60 m.
        seasons: 1 to 4 dates; June alone, then December, September, March join.
        products: Which of `PRODUCTS` to make; the others stay empty.

    Raises:
        ValueError: A size that is no multiple of 6, an unknown product, a negative seed or location.
    """
    place = draw_place(generator(seed, location, "place"))
    return render((seed, location), place, size, season_numbers(seasons), products=check_products(products))


def check_products(products: Iterable[str]) -> tuple[str, ...]:
    """The products, once each in canonical order; unknown ones and none at all raise ValueError."""
    wanted = {products} if isinstance(products, str) else set(products)
    for product in sorted(wanted - set(PRODUCTS)):
        raise ValueError(f"unknown product {product!r}; {nearest(product, PRODUCTS)}")
    if not wanted:
        raise ValueError(f"products must name at least one of {', '.join(PRODUCTS)}")
    return tuple(product for product in PRODUCTS if product in wanted)


def check_size(size: int) -> None:
    """Raise ValueError if pixels of 10, 20 and 60 m cannot share their borders."""
    if size < 6 or size % 6:
        raise ValueError(f"size must be a multiple of 6, for bands of 10, 20 and 60 m share their borders, got {size}")


def render(
    key: tuple[int | str, ...],
    place: Place,
    size: int,
    numbers: Sequence[int],
    *,
    products: Sequence[str],
    cloudiness: float = 0.1,
    sights: Mapping[str, Sight] = MappingProxyType({}),
) -> Scene:
    """A given place, drawn with the random streams of `key`, on the dates of these numbers.

    `sights` says of a product what it shows of the ground, if not simply what is there.
    """
    check_size(size)
    land = draw_landscape(generator(*key, "land"), place, size)
    signature = place_signature(generator(*key, "signature"))
    acquisitions = []
    for number in numbers:
        rng = generator(*key, "season", number)
        season = draw_season(rng, place, number)
        sky = draw_sky(rng, season, size, cloudiness=cloudiness)
        surface = surface_through(PLAIN, place, land, season)
        seen = {product: surface_through(sight, place, land, season) for product, sight in sights.items()}
        light = sunlight(land, season)
        plain = reflectance(signature, surface.shares, light, sky)
        ground = {product: reflectance(signature, of.shares, light, sky) for product, of in seen.items()}
        streams = {product: generator(*key, product, number) for product in products}
        acquisitions.append(
            Acquisition(
                number=number,
                date=season.date,
                s1_date=season.date + timedelta(hours=float(rng.uniform(-90, 90))),
                cover=surface.cover,
                cloud=sky.cloud.astype(np.float32),
                s1=backscatter(streams["s1"], land, seen.get("s1", surface)) if "s1" in products else {},
                s2a=level_2a(streams["s2a"], ground.get("s2a", plain), sky) if "s2a" in products else {},
                s2c=level_1c(streams["s2c"], ground.get("s2c", plain), sky) if "s2c" in products else {},
            )
        )
    origin, epsg = _corner(place)
    return Scene(place=place, origin=origin, epsg=epsg, seasons=tuple(acquisitions))


def _corner(place: Place) -> tuple[tuple[float, float], int]:
    """Upper left corner on the 60 m grid, and the code of the UTM zone."""
    zone = int((place.longitude + 180) // 6) % 60 + 1
    middle = 6 * zone - 183
    easting = 500_000 + (place.longitude - middle) * 111_320 * np.cos(np.deg2rad(place.latitude))
    northing = place.latitude * 110_600 + (10_000_000 if place.latitude < 0 else 0)
    origin = (round(easting / 60) * 60.0, round(northing / 60) * 60.0)
    return origin, (32700 if place.latitude < 0 else 32600) + zone
