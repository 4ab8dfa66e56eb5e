"""Synthetic places in the layout of SSL4EO-S12 v1, and their labels in that of SSL4EO-S12-ML."""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eo_data.progress import track
from eo_data.sensors import SENSORS
from eo_data.synthetic.geotiff import encode
from eo_data.synthetic.places import COVERS
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import PRODUCTS, Acquisition, Scene, check_products, check_size, scene
from eo_data.synthetic.seasons import season_numbers

LABEL_THRESHOLD = 0.03
"""A season is labelled with the classes that cover at least this share of its pixels."""
LABELS = "ssl4eo_multilabel.json"
_MGRS_COLUMNS, _MGRS_ROWS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "ABCDEFGHJKLMNPQRSTUV"
_TIME = "%Y%m%dT%H%M%S"
_S2 = SENSORS["sentinel2-l1c"]


def write_ssl4eo_s12(
    root: str | os.PathLike[str],
    *,
    locations: int,
    seasons: int = 4,
    products: Iterable[str] = PRODUCTS,
    size: int = 264,
    seed: int = 0,
) -> Path:
    """Write `{s1|s2a|s2c}/{7-digit location}/{season id}/{band}.tif`, one band per file at native resolution.

    Sentinel-2 is uint16 digital numbers, Sentinel-1 float32 dB. Location n is the same however many there are.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        locations: How many.
        seasons: 1 to 4.
        products: Which of `s1`, `s2a`, `s2c`.
        size: Pixels along each side of a 10 m band, a multiple of 6; 20 m bands have half, 60 m bands a sixth.
        seed: The world. Another seed has other places: use it for held-out data.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    return _write(root, locations, seasons, products, size, seed, unlabelled=None)


def write_ssl4eo_s12_ml(
    root: str | os.PathLike[str],
    *,
    locations: int,
    seasons: int = 4,
    products: Iterable[str] = PRODUCTS,
    size: int = 264,
    seed: int = 0,
    unlabelled: float = 0.1,
) -> Path:
    """As `write_ssl4eo_s12`, with `ssl4eo_multilabel.json`: location to Sentinel-2 season to sorted class numbers.

    Args:
        root, locations, seasons, products, size, seed: As for `write_ssl4eo_s12`.
        unlabelled: Share of the seasons whose list is empty, as where Dynamic World has no map.
    """
    if not 0 <= unlabelled <= 1:
        raise ValueError(f"unlabelled must be between 0 and 1, got {unlabelled}")
    return _write(root, locations, seasons, products, size, seed, unlabelled=unlabelled)


def classes_of(cover: npt.NDArray[np.uint8]) -> list[str]:
    """Numbers, as sorted strings, of the classes that cover at least `LABEL_THRESHOLD` of a map."""
    share = np.bincount(cover.ravel(), minlength=len(COVERS)) / cover.size
    return [str(number) for number in np.flatnonzero(share >= LABEL_THRESHOLD)]


def s2_id(scene: Scene, acquisition: Acquisition) -> str:
    """The Earth Engine id of the Sentinel-2 image, such as `20200604T054639_20200604T054831_T43RCP`."""
    granule = acquisition.date + timedelta(seconds=112)
    return f"{acquisition.date:{_TIME}}_{granule:{_TIME}}_T{mgrs_tile(scene)}"


def s1_id(acquisition: Acquisition) -> str:
    """The name of the Sentinel-1 product, 67 characters, made up from its date."""
    start, stop = acquisition.s1_date, acquisition.s1_date + timedelta(seconds=25)
    orbit = 18_000 + (start.toordinal() - 737_000) * 14 + start.hour % 14
    satellite = "AB"[orbit % 2]
    checksum = (orbit * 2_654_435_761 + start.second) % 65_536
    take = (orbit * 97 + start.minute) % 1_048_576
    return f"S1{satellite}_IW_GRDH_1SDV_{start:{_TIME}}_{stop:{_TIME}}_{orbit:06d}_{take:06X}_{checksum:04X}"


def mgrs_tile(scene: Scene) -> str:
    """The military grid square of the scene's corner: zone, latitude band, column and row, such as `32TQM`."""
    zone = scene.epsg % 100
    band = "CDEFGHJKLMNPQRSTUVWX"[min(int(scene.place.latitude + 80) // 8, 19)]
    column = _MGRS_COLUMNS[(zone - 1) % 3 * 8 + min(int(scene.origin[0] // 100_000), 8) - 1]
    row = _MGRS_ROWS[(int(scene.origin[1] // 100_000) + (5 if zone % 2 == 0 else 0)) % 20]
    return f"{zone:02d}{band}{column}{row}"


def _write(
    root: str | os.PathLike[str],
    locations: int,
    seasons: int,
    products: Iterable[str],
    size: int,
    seed: int,
    *,
    unlabelled: float | None,
) -> Path:
    wanted = check_products(products)
    check_size(size)
    season_numbers(seasons)
    if locations < 1:
        raise ValueError(f"locations must be at least 1, got {locations}")
    recipe = {"layout": "ssl4eo_s12", "locations": locations, "seasons": seasons, "products": list(wanted)}
    recipe |= {"size": size, "seed": seed, "unlabelled": unlabelled}

    def build(folder: Path) -> None:
        labels = {}
        for location in track(range(locations), "Writing synthetic Earth"):
            made = scene(seed, location, size, seasons=seasons, products=wanted)
            for acquisition in made.seasons:
                _write_season(folder, f"{location:07d}", made, acquisition)
            labels[f"{location:07d}"] = _labels(seed, location, made, unlabelled or 0.0)
        if unlabelled is not None:
            (folder / LABELS).write_text(json.dumps(labels))

    return build_root(root, recipe, build)


def _labels(seed: int, location: int, made: Scene, unlabelled: float) -> dict[str, list[str]]:
    labels = {}
    for acquisition in made.seasons:
        hidden = generator(seed, location, "label", acquisition.number).random() < unlabelled
        labels[s2_id(made, acquisition)] = [] if hidden else classes_of(acquisition.cover)
    return labels


def _write_season(folder: Path, location: str, made: Scene, acquisition: Acquisition) -> None:
    names = {"s1": s1_id(acquisition), "s2a": s2_id(made, acquisition), "s2c": s2_id(made, acquisition)}
    for product in PRODUCTS:
        bands: Mapping[str, npt.NDArray[np.generic]] = getattr(acquisition, product)
        season = folder / product / location / names[product]
        if bands:
            season.mkdir(parents=True)
        for band, pixels in bands.items():
            resolution = 10 if product == "s1" else _S2.band(band).resolution
            data = encode(pixels[None], epsg=made.epsg, origin=made.origin, pixel_size=resolution)
            name = band if band == "B8A" or product == "s1" else f"B{int(band[1:])}"  # B1.tif, as the archive has it
            (season / f"{name}.tif").write_bytes(data)
