"""Where to look: random points round cities or on land, or the rows of a file, none of them overlapping."""

import csv
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from eo_data.collect.seasons import SHIFTS
from eo_data.collect.square import CELL, SIDE
from eo_data.synthetic.randomness import generator

EARTH_RADIUS_KM = 6371.0
APART_KM = math.sqrt(2) * (SIDE + CELL) / 1000
"""Squares whose points are farther apart than a diagonal, and the width of the grid, overlap in no orientation."""
_LATITUDES = (-56.0, 83.0)  # where Sentinel-2 looks at land as a matter of routine
_TRIES = 200  # to find a point for a draw that overlaps no other

Sampler: TypeAlias = Callable[[np.random.Generator], tuple[float, float]]
"""Draws a longitude and a latitude."""


class Point(NamedTuple):
    """A point on Earth and the days by which its seasons are shifted."""

    longitude: float
    latitude: float
    shift: int


@dataclass(frozen=True)
class Place:
    """A place to be collected: points to try one after the other until one has all its seasons."""

    number: int
    draws: tuple[Point, ...]
    overlaps: int | None = None
    """The earlier place that leaves no room for this one."""


def km_to_degrees(km: float) -> float:
    """A distance on the ground in degrees of a great circle."""
    return km / (2 * math.pi * EARTH_RADIUS_KM / 360)


def round_cities(spread_km: float) -> Sampler:
    """Normally distributed round one of the 10,000 most populous cities, each as likely as the next.

    The spread is the same number of degrees east and north, as published: away from the equator fewer kilometres east.
    """
    cities, spread = read_cities(), km_to_degrees(spread_km)

    def sample(rng: np.random.Generator) -> tuple[float, float]:
        longitude, latitude = cities[rng.integers(len(cities))] + rng.normal(0, spread, 2)
        return (longitude + 180) % 360 - 180, latitude

    return sample


def on_land(rng: np.random.Generator) -> tuple[float, float]:
    """Uniform on land between 56° south and 83° north."""
    low, high = (math.sin(math.radians(latitude)) for latitude in _LATITUDES)
    while True:
        longitude, latitude = rng.uniform(-180, 180), math.degrees(math.asin(rng.uniform(low, high)))
        if is_land(longitude, latitude):
            return longitude, latitude


def is_land(longitude: float, latitude: float) -> bool:
    """Whether a point lies on land: inside the outlines, which a ray from it then crosses an odd number of times."""
    x0, y0, x1, y1 = _outlines()
    crossing = (y0 > latitude) != (y1 > latitude)
    x0, y0, x1, y1 = x0[crossing], y0[crossing], x1[crossing], y1[crossing]
    meets = x0 + (latitude - y0) / (y1 - y0) * (x1 - x0)
    turns = (longitude - 360, longitude, longitude + 360)  # outlines that cross the date line go on beyond 180°
    return bool(sum((meets > turn).sum() for turn in turns) % 2)


def random_places(count: int, *, seed: int, draws: int, sampler: Sampler) -> Iterator[Place]:
    """Places 0, 1, ... of a seed; place i is the same however many there are.

    Every draw keeps its distance from all draws of the places before it, taken or not: so what a place is never depends
    on what a server had to say about another one.
    """
    taken = _Taken()
    for number in range(count):
        rng = generator(seed, number, "place")
        points, overlaps = [], None
        for _ in range(_TRIES):
            longitude, latitude = (round(float(value), 6) for value in sampler(rng))
            overlaps = taken.near(longitude, latitude)
            if overlaps is None:
                points.append(Point(longitude, latitude, int(rng.integers(SHIFTS))))
            if len(points) == draws:
                break
        for point in points:
            taken.add(point, number)
        yield Place(number, tuple(points), None if points else overlaps)


def listed_places(path: Path, *, seed: int) -> Iterator[Place]:
    """One place per row of a file, with one draw; a row that overlaps an earlier one has none.

    Args:
        path: CSV with the columns `longitude` and `latitude` in degrees; others are ignored.
        seed: Of the shift of the seasons.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Columns are missing, or a row is no place on Earth.
    """
    taken = _Taken()
    for number, (longitude, latitude) in enumerate(_rows(path)):
        overlaps = taken.near(longitude, latitude)
        point = Point(longitude, latitude, int(generator(seed, number, "place").integers(SHIFTS)))
        if overlaps is None:
            taken.add(point, number)
        yield Place(number, (point,), overlaps)


@cache
def read_cities() -> npt.NDArray[np.float64]:
    """Longitude and latitude of the cities, (10000, 2), most populous first."""
    text = (files(__package__) / "cities.csv").read_text().splitlines()
    return np.array([row.split(",")[1:] for row in text[1:]], dtype=np.float64)


class _Taken:
    """Points in cells of space, so that neighbours are found without looking at all of them."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, ...], list[tuple[tuple[float, ...], int]]] = {}

    def add(self, point: Point, number: int) -> None:
        where = _in_space(point.longitude, point.latitude)
        self.cells.setdefault(_cell(where), []).append((where, number))

    def near(self, longitude: float, latitude: float) -> int | None:
        """The first place with a point too near to this one."""
        where = _in_space(longitude, latitude)
        x, y, z = _cell(where)
        around = ((x + i, y + j, z + k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1))
        found = [known for cell in around for known in self.cells.get(cell, ())]
        return min((number for point, number in found if math.dist(point, where) < APART_KM), default=None)


def _in_space(longitude: float, latitude: float) -> tuple[float, float, float]:
    """Kilometres from the centre of the Earth."""
    east, north = math.radians(longitude), math.radians(latitude)
    across = EARTH_RADIUS_KM * math.cos(north)
    return across * math.cos(east), across * math.sin(east), EARTH_RADIUS_KM * math.sin(north)


def _cell(where: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(math.floor(value / APART_KM) for value in where)


@cache
def _outlines() -> tuple[npt.NDArray[np.float64], ...]:
    """All edges of the outlines: x and y of their starts, x and y of their ends."""
    rings = [np.array(ring) for ring in json.loads((files(__package__) / "land.json").read_text())]
    edges = np.concatenate([np.hstack([ring[:-1], ring[1:]]) for ring in rings])
    return tuple(edges.T)


def _rows(path: Path) -> list[tuple[float, float]]:
    if not path.is_file():
        raise FileNotFoundError(f"no file of places at {path}; pass cities, land, or a CSV with longitude and latitude")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [_position(row, path, number) for number, row in enumerate(rows, start=2)]


def _position(row: dict[str, str], path: Path, line: int) -> tuple[float, float]:
    try:
        longitude, latitude = float(row["longitude"]), float(row["latitude"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} line {line} needs numbers as longitude and latitude, got {row}") from error
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ValueError(f"{path} line {line} is no place on Earth: longitude {longitude}, latitude {latitude}")
    return longitude, latitude
