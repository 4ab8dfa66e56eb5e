"""Synthetic cities that grow, in the layout of OSCD."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from eo_data.oscd import OSCD
from eo_data.progress import track
from eo_data.sensors import SENSORS
from eo_data.synthetic.eurosat import on_10m_grid
from eo_data.synthetic.geotiff import encode
from eo_data.synthetic.places import BUILT, draw_place
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import Scene, check_size, render
from eo_data.synthetic.ssl4eo import mgrs_tile

_S2 = SENSORS["sentinel2-l1c"]


def write_oscd(
    root: str | os.PathLike[str], *, cities: tuple[int, int] = (14, 10), size: int = 300, seed: int = 0
) -> Path:
    """Write pairs of Sentinel-2 images, a bit over a year apart, of cities that have grown meanwhile.

    Each city has its bands at native resolution (`imgs_1`, `imgs_2`) and on the 10 m grid (`imgs_1_rect`,
    `imgs_2_rect`), two pictures, its dates, and a change map: `cm.png` of 0 and 255, `<city>-cm.tif` of 1 and 2. Change
    is where the ground is built over on the second date alone.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        cities: How many of train and of test; they are called as the published ones.
        size: Pixels along each side of a 10 m band, a multiple of 6.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    check_size(size)
    names = (OSCD.TRAIN[: cities[0]], OSCD.TEST[: cities[1]])
    if min(cities) < 0 or tuple(map(len, names)) != tuple(cities) or not any(cities):
        raise ValueError(f"cities must be at most 14 of train and 10 of test, at least one in all, got {cities}")
    recipe = {"layout": "oscd", "cities": list(cities), "size": size, "seed": seed}

    def build(folder: Path) -> None:
        images = folder / OSCD.IMAGES
        images.mkdir()
        every = [
            (name, labels)
            for part, labels in zip(names, (OSCD.TRAIN_LABELS, OSCD.TEST_LABELS), strict=True)
            for name in part
        ]
        for name, labels in track(every, "Writing synthetic OSCD"):
            before, after = draw_pair(seed, name, size)
            _write_city(images / name, before, after)
            _write_change(folder / labels / name / "cm", name, before, after)
        for split, part in zip(("train", "test"), names, strict=True):
            (images / f"{split}.txt").write_text(",".join(part))

    return build_root(root, recipe, build)


def draw_pair(seed: int, city: str, size: int) -> tuple[Scene, Scene]:
    """A city in June, and in the September after the next: the same ground, on which the town has spread."""
    place = draw_place(generator(seed, city, "place"))

    def on_date(built: float, number: int) -> Scene:
        affinity = tuple(built if cover == BUILT else value for cover, value in enumerate(place.affinity))
        return render((seed, city), replace(place, affinity=affinity), size, [number], products=["s2c"], cloudiness=0.0)

    best = max(value for cover, value in enumerate(place.affinity) if cover != BUILT)
    return on_date(best - 0.3, 2), on_date(best + 0.3, 7)


def _change(before: Scene, after: Scene) -> npt.NDArray[np.bool_]:
    then, now = (scene.seasons[0].cover == BUILT for scene in (before, after))
    return np.asarray(now & ~then)


def _write_city(folder: Path, before: Scene, after: Scene) -> None:
    pictures = folder / "pair"
    pictures.mkdir(parents=True)
    dates = [scene.seasons[0].date for scene in (before, after)]
    for number, scene in enumerate((before, after), start=1):
        date = scene.seasons[0].date
        product = f"T{mgrs_tile(scene)}_{date:%Y%m%dT%H%M%S}"
        _write_bands(folder / f"imgs_{number}", scene, prefix=f"{product}_")
        _write_bands(folder / f"imgs_{number}_rect", scene, prefix="", on_10m=True)
        Image.fromarray(scene.seasons[0].rgb()).save(pictures / f"img{number}.png")
    (folder / "dates.txt").write_text("".join(f"date_{n}: {date:%Y%m%d}\n" for n, date in enumerate(dates, start=1)))
    (folder / f"{folder.name}.geojson").write_text(json.dumps(_outline(before)))


def _write_bands(folder: Path, scene: Scene, *, prefix: str, on_10m: bool = False) -> None:
    folder.mkdir()
    bands: Mapping[str, npt.NDArray[np.uint16]] = scene.seasons[0].s2c
    size = len(bands["B02"])
    for band, pixels in bands.items():
        resolution = 10 if on_10m else _S2.band(band).resolution
        shown = on_10m_grid(pixels, size) if on_10m else pixels
        data = encode(shown[None], epsg=scene.epsg, origin=scene.origin, pixel_size=resolution)
        (folder / f"{prefix}{band}.tif").write_bytes(data)


def _write_change(folder: Path, city: str, before: Scene, after: Scene) -> None:
    folder.mkdir(parents=True)
    changed = _change(before, after)
    Image.fromarray(changed.astype(np.uint8) * 255).save(folder / "cm.png")
    pixels = (changed + 1).astype(np.uint8)[None]
    (folder / f"{city}-cm.tif").write_bytes(encode(pixels, epsg=before.epsg, origin=before.origin, pixel_size=10))


def _outline(scene: Scene) -> dict[str, object]:
    longitude, latitude = scene.place.longitude, scene.place.latitude
    half = len(scene.seasons[0].cover) * 10 / 2 / 111_320
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [[longitude + x * half, latitude + y * half] for x, y in corners]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": geometry}]}
