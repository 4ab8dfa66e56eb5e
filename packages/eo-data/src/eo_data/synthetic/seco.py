"""Synthetic places in the layout of SeCo."""

import json
import os
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from eo_data.names import choose
from eo_data.progress import track
from eo_data.seco import SeCo
from eo_data.sensors import SENSORS
from eo_data.synthetic.geotiff import encode
from eo_data.synthetic.places import draw_place
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import Acquisition, Scene, check_size, render
from eo_data.synthetic.ssl4eo import s2_id

_S2 = SENSORS["sentinel2-l2a"]


def write_seco(
    root: str | os.PathLike[str],
    *,
    locations: int,
    version: Literal["100k", "1m"] = "100k",
    seasons: int = 5,
    size: int = 264,
    seed: int = 0,
) -> Path:
    """Write `seasonal_contrast_{100k|1m}/{6-digit location}/{image id}/{band}.tif`, uint8, one band per file.

    As in the archive `100k` has a picture of each image beside its folder. Files are not compressed; the archive's are,
    by lossy JPEG.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        locations: How many.
        version: Names the folder.
        seasons: Dates of a location, a quarter of a year apart; 1 to 5.
        size: Pixels along each side of a 10 m band, a multiple of 6; 20 m bands have half, 60 m bands a sixth.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    choose("version", version, tuple(SeCo.FOLDERS))
    check_size(size)
    if locations < 1 or not 1 <= seasons <= 5:
        raise ValueError(f"locations must be at least 1 and seasons 1 to 5, got {locations} and {seasons}")
    recipe = {"layout": "seco", "version": version, "locations": locations, "seasons": seasons}
    recipe |= {"size": size, "seed": seed}

    def build(folder: Path) -> None:
        for location in track(range(locations), "Writing synthetic Earth"):
            place = draw_place(generator(seed, location, "place"))
            made = render((seed, location), place, size, range(seasons), products=["s2a"])
            for acquisition in made.seasons:
                top = folder / SeCo.FOLDERS[version] / f"{location:06d}"
                _write_date(top / s2_id(made, acquisition), made, acquisition, preview=version == "100k")

    return build_root(root, recipe, build)


def in_8_bits(pixels: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Digital numbers as SeCo stores them: floor(255 · clip(DN / 10000, 0, 1))."""
    return np.asarray(255 * np.clip(pixels / 10000, 0, 1), np.uint8)


def _write_date(folder: Path, made: Scene, acquisition: Acquisition, *, preview: bool) -> None:
    folder.mkdir(parents=True)
    for band, pixels in acquisition.s2a.items():
        resolution = _S2.band(band).resolution
        data = encode(in_8_bits(pixels)[None], epsg=made.epsg, origin=made.origin, pixel_size=resolution)
        name = band if band == "B8A" else f"B{int(band[1:])}"  # B1.tif, as the archive has it
        (folder / f"{name}.tif").write_bytes(data)
    (folder / "metadata.json").write_text(json.dumps({"id": f"COPERNICUS/S2_SR/{folder.name}"}))
    if preview:
        picture = np.moveaxis(acquisition.rgb(white=3000), -1, 0)
        data = encode(np.ascontiguousarray(picture), epsg=made.epsg, origin=made.origin, pixel_size=10)
        (folder.parent / f"{folder.name}.tif").write_bytes(data)
