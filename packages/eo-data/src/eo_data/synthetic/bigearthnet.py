"""Synthetic patches in the two layouts of BigEarthNet."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from rasterio.crs import CRS

from eo_data.bigearthnet import BigEarthNet
from eo_data.corine import CLASSES19, CORINE, multi_hot
from eo_data.names import choose
from eo_data.progress import track
from eo_data.sensors import SENSORS
from eo_data.synthetic.geotiff import encode
from eo_data.synthetic.places import BARE, BUILT, COVERS, CROPS, FLOODED, GRASS, SHRUB, SNOW, TREES, WATER, draw_place
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import Acquisition, Scene, check_size, render
from eo_data.synthetic.ssl4eo import LABEL_THRESHOLD, mgrs_tile

_S2 = SENSORS["sentinel2-l2a"]
_SPLITS = ("train", "val", "test")
_CODES = {name: code for code, name, _ in CORINE}


@dataclass(frozen=True)
class _Made:
    """One patch: what it shows and what it is called."""

    scene: Scene
    acquisition: Acquisition
    s2: str
    s1: str
    covers: Mapping[int, str]
    """CORINE's name for each of the synthetic covers."""

    @property
    def labels(self) -> list[str]:
        """Names of what covers at least 3 % of the patch, without snow, which is no land cover to CORINE."""
        share = np.bincount(self.acquisition.cover.ravel(), minlength=len(COVERS)) / self.acquisition.cover.size
        found = {name for cover, name in self.covers.items() if share[cover] >= LABEL_THRESHOLD}
        roads = {"Road and rail networks and associated land"} if max(self.scene.place.roads, default=0) > 2 else set()
        return sorted(found | roads)


def write_bigearthnet(
    root: str | os.PathLike[str],
    *,
    per_split: tuple[int, int, int],
    version: Literal["v1", "v2"] = "v1",
    size: int = 120,
    seed: int = 0,
) -> Path:
    """Write patches of Sentinel-2 and Sentinel-1 with their labels, and the lists of the splits.

    v1 has `train.csv`, `val.csv`, `test.csv`, the lists `bigearthnet-train.txt` and `-val.txt` of SeCo's split, and two
    patches more, under snow and under clouds, which only these and the two lists of bad patches name. v2 has
    `metadata.parquet` (wants `eo-data[parquet]`) and reference maps.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        per_split: How many patches are in train, val and test.
        version: The layout.
        size: Pixels along each side of a 10 m band, a multiple of 6; in the archive 120.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
        ImportError: v2 without pyarrow.
    """
    choose("version", version, ("v1", "v2"))
    check_size(size)
    if len(per_split) != 3 or min(per_split) < 0 or sum(per_split) < 1:
        raise ValueError(f"per_split must be three counts (train, val, test), at least one above 0, got {per_split}")
    recipe = {"layout": "bigearthnet", "version": version, "per_split": list(per_split), "size": size, "seed": seed}

    def build(folder: Path) -> None:
        splits = [split for split, count in zip(_SPLITS, per_split, strict=True) for _ in range(count)]
        made = [_draw(seed, number, size, version) for number in range(len(splits))]
        for patch in track(made, "Writing synthetic BigEarthNet"):
            _write_patch(folder, patch, version)
        if version == "v2":
            _write_metadata(folder / "metadata.parquet", made, splits)
        else:
            bad = [_draw(seed, len(splits), size, version, season=0), _draw(seed, len(splits) + 1, size, version, 0.6)]
            for patch in bad:
                _write_patch(folder, patch, version)
            _write_lists(folder, made, splits, bad)

    return build_root(root, recipe, build)


def _draw(seed: int, number: int, size: int, version: str, cloudiness: float = 0.0, season: int = 2) -> _Made:
    place = draw_place(generator(seed, number, "place"))
    scene = render((seed, number), place, size, [season], products=["s1", "s2a"], cloudiness=cloudiness)
    acquisition = scene.seasons[0]
    tile, time = mgrs_tile(scene), "%Y%m%dT%H%M%S"
    square = f"{number // 90 % 90:02d}_{number % 90:02d}"
    middle = f"_N9999_R{number % 143 + 1:03d}_T{tile}" if version == "v2" else ""
    forest = ("Broad-leaved forest", "Mixed forest", "Coniferous forest")[int(min(place.conifers, 0.99) * 3)]
    return _Made(
        scene=scene,
        acquisition=acquisition,
        s2=f"S2{'AB'[number % 2]}_MSIL2A_{acquisition.date:{time}}{middle}_{square}",
        s1=f"S1A_IW_GRDH_1SDV_{acquisition.s1_date:{time}}_{tile}_{square}",
        covers={
            WATER: "Sea and ocean" if np.isfinite(place.sea) else "Water bodies",
            TREES: forest,
            GRASS: "Natural grassland",
            FLOODED: "Inland marshes",
            CROPS: "Non-irrigated arable land",
            SHRUB: "Transitional woodland/shrub",
            BUILT: "Discontinuous urban fabric",
            BARE: "Sparsely vegetated areas",
        },
    )


def _write_patch(folder: Path, patch: _Made, version: str) -> None:
    for product, name, parts in (("s2", patch.s2, 2), ("s1", patch.s1, 3)):
        top = folder / BigEarthNet.FOLDERS[version, product]
        place = top / name if version == "v1" else top / name.rsplit("_", parts)[0] / name
        place.mkdir(parents=True)
        bands: Mapping[str, npt.NDArray[np.generic]]
        bands = patch.acquisition.s2a if product == "s2" else patch.acquisition.s1
        for band, pixels in bands.items():
            resolution = _S2.band(band).resolution if product == "s2" else 10
            (place / f"{name}_{band}.tif").write_bytes(_encode(patch.scene, pixels, resolution))
        if version == "v1":
            (place / f"{name}_labels_metadata.json").write_text(json.dumps(_facts(patch, product)))
    if version == "v2":
        codes = np.array([_CODES[patch.covers[cover]] if cover != SNOW else 335 for cover in range(len(COVERS))])
        place = folder / "Reference_Maps" / patch.s2.rsplit("_", 2)[0] / patch.s2
        place.mkdir(parents=True)
        pixels = codes[patch.acquisition.cover].astype(np.uint16)
        (place / f"{patch.s2}_reference_map.tif").write_bytes(_encode(patch.scene, pixels, 10))


def _encode(scene: Scene, pixels: npt.NDArray[np.generic], resolution: int) -> bytes:
    return encode(pixels[None], epsg=scene.epsg, origin=scene.origin, pixel_size=resolution)


def _facts(patch: _Made, product: str) -> dict[str, object]:
    left, top = patch.scene.origin
    side = 10 * len(patch.acquisition.cover)
    lower = {"s2": "lry", "s1": "lly"}[product]  # as the archives have it
    facts: dict[str, object] = {
        "labels": patch.labels,
        "coordinates": {"ulx": left, "uly": top, "lrx": left + side, lower: top - side},
        "projection": CRS.from_epsg(patch.scene.epsg).to_wkt(),
    }
    if product == "s1":
        return facts | {"corresponding_s2_patch": patch.s2, "acquisition_time": f"{patch.acquisition.s1_date}"}
    return facts | {"acquisition_date": f"{patch.acquisition.date}"}


def _write_lists(folder: Path, made: Sequence[_Made], splits: Sequence[str], bad: Sequence[_Made]) -> None:
    for split in _SPLITS:
        rows = [patch for patch, own in zip(made, splits, strict=True) if own == split]
        (folder / f"{split}.csv").write_text("".join(f"{patch.s2},{patch.s1}\n" for patch in rows))
    train, val = ([patch.s2 for patch in (*bad, *made)][start::2] for start in (0, 1))
    (folder / "bigearthnet-train.txt").write_text("\n".join(train) + "\n")
    (folder / "bigearthnet-val.txt").write_text("\n".join(val) + "\n")
    for name, patch in zip(BigEarthNet.BAD_LISTS, bad, strict=True):
        (folder / name).write_text(f"{patch.s2}\n")


def _write_metadata(path: Path, made: Sequence[_Made], splits: Sequence[str]) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(f"{path} wants the package pyarrow; install eo-data[parquet]") from error
    official = {"train": "train", "val": "validation", "test": "test"}
    rows = [
        {
            "patch_id": patch.s2,
            "labels": [CLASSES19[i].replace("/", ", ") for i in multi_hot(patch.labels, 19).nonzero().flatten()],
            "split": official[split],
            "s1_name": patch.s1,
        }
        for patch, split in zip(made, splits, strict=True)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
