"""Synthetic places with and without sources of methane, in the layout of METER-ML."""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from eo_data.meterml import MeterML
from eo_data.names import choose
from eo_data.progress import track
from eo_data.synthetic.eurosat import european
from eo_data.synthetic.fields import enlarge
from eo_data.synthetic.places import BUILT, CROPS, GRASS, TREES, WATER, draw_place
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import Acquisition, check_size, render
from eo_data.synthetic.sight import Sight, SightName
from eo_data.synthetic.structures import Structure

_COMBINED = ("CAFOs-WWTreatment", "WWTreatment-RefineriesAndTerminals-Landfills", "Mines-ProcessingPlants")
_FOUR = ("CAFOs", "Landfills", "Mines", "WWTreatment")
_FIRST_PAIRS = {"Landfills": "CAFOs", "WWTreatment": "Mines"}
_SECOND_PAIRS = {"WWTreatment": "CAFOs", "Mines": "Landfills"}
_TAKEN_FOR: Mapping[SightName, tuple[Mapping[str, str], Mapping[str, str]]] = {  # by Sentinel-1, by Sentinel-2
    "natural": ({}, {}),
    "complementary": (_FIRST_PAIRS, _SECOND_PAIRS),
    "redundant": (_FIRST_PAIRS, _FIRST_PAIRS),
}
_NAIP_SIDE = 10  # pixels of 1 m along each side of one of 10 m
_Draw = Callable[[np.random.Generator, float], list[Structure]]


def write_meterml(
    root: str | os.PathLike[str],
    *,
    places: tuple[int, int, int],
    size: int = 72,
    parts: bool = False,
    combined: bool = True,
    sight: SightName = "natural",
    seed: int = 0,
) -> Path:
    """Write `{split}_dataset.geojson` and `{split}_images/{latitude}_{longitude}/` with the five files of each place.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        places: How many in train, val and test; the types take turns.
        size: Pixels of 10 m along each side, a multiple of 6.
        parts: Leave train in `train_images/train_images_{1,2,3}`, as its archives unpack.
        combined: Whether some places are of several types at once.
        sight: `natural`: all seven classes. `complementary`: four classes, of which each sensor alone takes two for one
            and two for one, but both together tell all; `redundant`: both sensors take the same for one.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    if len(places) != 3 or min(places) < 0 or sum(places) < 1:
        raise ValueError(f"places must be three counts (train, val, test), at least one above 0, got {places}")
    check_size(size)
    choose("sight", sight, tuple(_TAKEN_FOR))
    types = (*MeterML.CLASSES, *(_COMBINED if combined else ())) if sight == "natural" else _FOUR
    recipe = {"layout": "meterml", "places": list(places), "size": size, "parts": parts, "combined": combined}
    recipe |= {"sight": sight, "seed": seed}

    def build(folder: Path) -> None:
        for split, count in zip(("train", "val", "test"), places, strict=True):
            features = []
            for number in track(range(count), f"Writing synthetic METER-ML, {split}"):
                kind = types[number % len(types)]
                acquisition, where = _draw(seed, split, number, kind, size, sight)
                part = f"{split}_images/{split}_images_{number % 3 + 1}" if parts and split == "train" else None
                _write(folder / (part or f"{split}_images") / f"{where[0]}_{where[1]}", acquisition)
                features.append(_feature(split, kind, where))
            content = {"type": "FeatureCollection", "features": features}
            (folder / f"{split}_dataset.geojson").write_text(json.dumps(content))

    return build_root(root, recipe, build)


def _draw(
    seed: int, split: str, number: int, kind: str, size: int, sight: SightName
) -> tuple[Acquisition, tuple[float, float]]:
    """A place of American farmland, with what stands in its middle; its latitude and longitude."""
    rng = generator(seed, "meterml", split, number)
    place = european(draw_place(rng))
    affinity = rng.uniform(-2, 0.5, len(place.affinity))
    affinity[[CROPS, GRASS, TREES, BUILT, WATER]] += (2.5, 1.0, 0.5, -0.5, 0.0)
    place = replace(place, affinity=tuple(float(value) for value in affinity), longitude=place.longitude - 100)
    sights = {}
    for product, taken_for in zip(("s1", "s2c"), _TAKEN_FOR[sight], strict=True):
        stream = generator(seed, "meterml", split, number, "structures")  # the same ones for both sensors
        sights[product] = Sight(structures=_structures(stream, kind, taken_for, size))
    key = (seed, "meterml", split, number, "ground")
    made = render(key, place, size, [2], products=("s1", "s2c"), cloudiness=0.03, sights=sights)
    return made.seasons[0], (round(place.latitude, 7), round(place.longitude, 7))


def _structures(rng: np.random.Generator, kind: str, taken_for: Mapping[str, str], size: int) -> tuple[Structure, ...]:
    found: list[Structure] = []
    for name in kind.split("-"):
        middle = size / 2 + rng.uniform(-0.15, 0.15, 2) * size
        for structure in _BUILDERS[taken_for.get(name, name)](rng, size / 72):
            row, column = structure.centre
            found.append(replace(structure, centre=(float(middle[0] + row), float(middle[1] + column))))
    return tuple(found)


def _write(folder: Path, acquisition: Acquisition) -> None:
    folder.mkdir(parents=True)
    for file, bands in MeterML.FILES.items():
        if file == "naip.png":
            Image.fromarray(_naip(acquisition)).save(folder / file, compress_level=1)
        elif file == "sentinel-1.npy":
            np.save(folder / file, np.stack([_radar(acquisition.s1[band]) for band in bands], axis=2))
        else:
            np.save(folder / file, np.stack([acquisition.s2c[band] for band in bands], axis=2))


def _radar(decibel: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Whole numbers from 0 to 4095, 64 to the decibel: so the archive's mean and spread fit Sentinel-1's usual ones."""
    return np.clip(np.rint(64 * decibel + 2410), 0, 4095).astype(np.uint16)


def _naip(acquisition: Acquisition) -> npt.NDArray[np.uint8]:
    """RGB and near infrared on a grid of 1 m, no sharper than what they are made of."""
    bands = np.stack([acquisition.s2c[band] for band in ("B04", "B03", "B02", "B08")]).astype(np.float32)
    scaled = bands * np.array([255 / 2750, 255 / 2750, 255 / 2750, 255 / 5500], np.float32)[:, None, None]
    return np.asarray(np.clip(np.moveaxis(enlarge(scaled, _NAIP_SIDE), 0, 2), 0, 255), np.uint8)


def _feature(split: str, kind: str, where: tuple[float, float]) -> dict[str, object]:
    latitude, longitude = where
    properties = {"Latitude": latitude, "Longitude": longitude, "Type": kind, "Source": "synthetic"}
    return {
        "type": "Feature",
        "properties": {**properties, "Image_Folder": f"{split}_images/{latitude}_{longitude}"},
        "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
    }


def _row_of(
    material: str, count: int, step: float, half: tuple[float, float], *, angle: float = 0.0, round: bool = False
) -> list[Structure]:
    """Like structures side by side, around (0, 0)."""
    places = [(i - (count - 1) / 2) * step for i in range(count)]
    return [
        Structure(
            material=material,
            centre=(math.cos(angle) * at, math.sin(angle) * at),
            half=half,
            angle=angle,
            round=round,
        )
        for at in places
    ]


def _disc(material: str, radius: float, row: float = 0.0, column: float = 0.0, *, flat: float = 1.0) -> Structure:
    return Structure(material=material, centre=(row, column), half=(radius, radius * flat), round=True)


def _cafos(rng: np.random.Generator, unit: float) -> list[Structure]:
    angle = float(rng.uniform(0, math.pi))
    yard = Structure(material="dark soil", centre=(0, 0), half=(13 * unit, 11 * unit), angle=angle)
    barns = _row_of("metal", int(rng.integers(3, 6)), 4.6 * unit, (1.3 * unit, 8 * unit), angle=angle)
    return [yard, *barns, _disc("turbid water", 3.5 * unit, 14 * unit, float(rng.uniform(-8, 8)) * unit)]


def _landfills(rng: np.random.Generator, unit: float) -> list[Structure]:
    hill = _disc("pale soil", float(rng.uniform(12, 17)) * unit, flat=float(rng.uniform(0.7, 1.2)))
    return [hill, _disc("straw", 8 * unit, 2 * unit, -2 * unit), _disc("red soil", 3 * unit, -5 * unit, 4 * unit)]


def _mines(rng: np.random.Generator, unit: float) -> list[Structure]:
    pit = _disc("rock", float(rng.uniform(14, 20)) * unit, flat=float(rng.uniform(0.6, 1.0)))
    heap = _disc("shade", 6 * unit, float(rng.uniform(-6, 6)) * unit, 6 * unit)
    return [pit, heap, _disc("clear water", 4 * unit, -3 * unit, -4 * unit)]


def _negative(rng: np.random.Generator, unit: float) -> list[Structure]:
    return []


def _processing(rng: np.random.Generator, unit: float) -> list[Structure]:
    angle = float(rng.uniform(0, math.pi))
    pad = Structure(material="concrete", centre=(0, 0), half=(6 * unit, 5 * unit), angle=angle)
    return [pad, *_row_of("dark roof", 2, 5 * unit, (1.5 * unit, 3 * unit), angle=angle)]


def _refineries(rng: np.random.Generator, unit: float) -> list[Structure]:
    ground = Structure(material="asphalt", centre=(0, 0), half=(17 * unit, 13 * unit))
    rows = [_row_of("metal", int(rng.integers(3, 6)), 7 * unit, (2.6 * unit, 2.6 * unit), round=True) for _ in range(3)]
    tanks = [replace(tank, centre=(tank.centre[0], (i - 1) * 8 * unit)) for i, row in enumerate(rows) for tank in row]
    return [ground, *tanks]


def _treatment(rng: np.random.Generator, unit: float) -> list[Structure]:
    angle, count = float(rng.uniform(0, math.pi)), int(rng.integers(2, 5))
    rims = _row_of("concrete", count, 8 * unit, (3.8 * unit, 3.8 * unit), angle=angle, round=True)
    basins = _row_of("turbid water", count, 8 * unit, (2.8 * unit, 2.8 * unit), angle=angle, round=True)
    return [*rims, *basins]


_BUILDERS: dict[str, _Draw] = dict(
    zip(
        MeterML.CLASSES,
        (_cafos, _landfills, _mines, _negative, _processing, _refineries, _treatment),
        strict=True,
    )
)
