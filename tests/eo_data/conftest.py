"""Small data sets in their true layouts, generated."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.transform import Affine

from eo_data.download import Archive

CLASSES = "AnnualCrop Forest HerbaceousVegetation Highway Industrial Pasture PermanentCrop Residential River SeaLake"
SEASONS = ("20200323T162931", "20200621T162901", "20200924T162929", "20201228T163711")
S2 = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
DIVISOR = {"B1": 6, "B9": 6, "B10": 6, "B5": 2, "B6": 2, "B7": 2, "B8A": 2, "B11": 2, "B12": 2}  # of the 10 m size


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """On images as small as these, torch's threads cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def write_geotiff() -> Callable[..., Path]:
    """(path, pixels (C, H, W), descriptions) -> path, georeferenced at 10 m in UTM 32N."""

    def write(path: Path, pixels: np.ndarray, descriptions: tuple[str, ...] | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        count, height, width = pixels.shape
        grid = {"crs": "EPSG:32632", "transform": Affine(10, 0, 600_000, 0, -10, 5_000_000)}
        shape = {"count": count, "height": height, "width": width, "dtype": pixels.dtype}
        with rasterio.open(path, "w", driver="GTiff", **shape, **grid) as file:
            file.write(pixels)
            if descriptions:
                file.descriptions = descriptions
        return path

    return write


@pytest.fixture(scope="session")
def write_jpeg() -> Callable[..., Path]:
    """(path, pixels (3, H, W)) -> path."""

    def write(path: Path, pixels: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(path, quality=95)
        return path

    return write


@pytest.fixture(scope="session")
def eurosat_names() -> dict[str, list[str]]:
    """Two images of each class in train, one in val, one in test."""
    every = {name: [f"{name}_{number}" for number in range(1, 5)] for name in CLASSES.split()}
    return {
        "train": [image for images in every.values() for image in images[:2]],
        "val": [images[2] for images in every.values()],
        "test": [images[3] for images in every.values()],
    }


@pytest.fixture(scope="session")
def eurosat_rgb_made_once(tmp_path_factory, eurosat_names, write_jpeg) -> Path:
    root = tmp_path_factory.mktemp("eurosat_rgb")
    for split, names in eurosat_names.items():
        for name in names:
            kind, number = name.split("_")
            pixels = np.zeros((3, 64, 64), np.uint8)
            pixels[0], pixels[1] = CLASSES.split().index(kind) * 25, int(number) * 50
            write_jpeg(root / "2750" / kind / f"{name}.jpg", pixels)
        (root / f"eurosat-{split}.txt").write_text("\n".join(f"{name}.jpg" for name in names))
    return root


@pytest.fixture
def eurosat_rgb(tmp_path, eurosat_rgb_made_once) -> Path:
    """Pictures under 2750/, each of one colour: red = class * 25, green = number * 50, and the lists beside them."""
    return shutil.copytree(eurosat_rgb_made_once, tmp_path / "eurosat_rgb")


@pytest.fixture(scope="session")
def eurosat_ms_made_once(tmp_path_factory, eurosat_names, write_geotiff) -> Path:
    root = tmp_path_factory.mktemp("eurosat_ms")
    pixels = np.broadcast_to(np.arange(100, 1400, 100, np.uint16)[:, None, None], (13, 64, 64))
    for split, names in eurosat_names.items():
        for name in names:
            folder = root / "ds/images/remote_sensing/otherDatasets/sentinel_2/tif" / name.split("_")[0]
            write_geotiff(folder / f"{name}.tif", pixels)
        (root / f"eurosat-{split}.txt").write_text("\n".join(f"{name}.jpg" for name in names))
    return root


@pytest.fixture
def eurosat_ms(tmp_path, eurosat_ms_made_once) -> Path:
    """Images of 13 bands whose pixels say their place in the file: 100, 200, ... 1300 for the last, which is B8A."""
    return shutil.copytree(eurosat_ms_made_once, tmp_path / "eurosat_ms")


@pytest.fixture(scope="session")
def write_season(write_geotiff) -> Callable[..., Path]:
    """(folder, product, value, size) -> folder with one file per band; all pixels of band i are value + i."""

    def write(folder: Path, product: str, value: int = 100, size: int = 24) -> Path:
        bands = {"s1": ("VV", "VH"), "s2c": S2, "s2a": tuple(band for band in S2 if band != "B10")}[product]
        dtype = np.float32 if product == "s1" else np.uint16
        for index, band in enumerate(bands):
            side = size // DIVISOR.get(band, 1)
            write_geotiff(folder / f"{band}.tif", np.full((1, side, side), value + index, dtype))
        return folder

    return write


@pytest.fixture(scope="session")
def ssl4eo_made_once(tmp_path_factory, write_season) -> Path:
    root = tmp_path_factory.mktemp("ssl4eo")
    for place, location in enumerate(("0000000", "0000002", "0000010")):
        for season, time in enumerate(SEASONS):
            value = 1000 * place + 100 * season
            for product in ("s2a", "s2c"):
                write_season(root / product / location / f"{time}_{time}_T15QXA", product, value)
            name = f"S1{'BA'[season % 2]}_IW_GRDH_1SDV_{time}_{time}_031883_03AE27_9BAF"
            write_season(root / "s1" / location / name, "s1", value)
    return root


@pytest.fixture
def ssl4eo(tmp_path, ssl4eo_made_once) -> Path:
    """Three locations (ids have gaps), four seasons, three products; pixels are 1000 location + 100 season + band.

    Sentinel-1 alternates between its two satellites, so that the order of names is not the order of time.
    """
    return shutil.copytree(ssl4eo_made_once, tmp_path / "ssl4eo")


@pytest.fixture
def ssl4eo_labels(ssl4eo) -> Path:
    """Labels of each season: its number and "8"; no map of the last season; nothing known of the last location."""
    seasons = {f"{time}_{time}_T15QXA": [str(number), "8"] for number, time in enumerate(SEASONS[:3])}
    seasons[f"{SEASONS[3]}_{SEASONS[3]}_T15QXA"] = []
    path = ssl4eo / "ssl4eo_multilabel.json"
    path.write_text(json.dumps({"0000000": seasons, "0000002": seasons}))
    return path


@pytest.fixture
def zipped(tmp_path) -> Callable[[Path, str], Archive]:
    """(folder, name) -> an archive of what lies in the folder, to be fetched from this disk."""

    def make(folder: Path, name: str) -> Archive:
        path = tmp_path / "served" / name
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(path, "w") as file:
            for source in sorted(folder.rglob("*.*")):
                file.write(source, source.relative_to(folder))
        return Archive(path.as_uri(), md5=hashlib.md5(path.read_bytes()).hexdigest())

    return make


@pytest.fixture(scope="session")
def rule() -> Callable[[str], dict[str, Any]]:
    """name -> a case of the rules that SeCo's code was measured to follow, with `input` and `outputs`."""
    cases = json.loads((Path(__file__).parent / "data" / "seco_rules.json").read_text())["cases"]
    return {case["rule"]: case for case in cases}.__getitem__


@pytest.fixture
def real_data() -> Path:
    """The folder of real images; the test is skipped where there is none."""
    folder = os.environ.get("EO_DATA_DIR")
    if not folder:
        pytest.skip("EO_DATA_DIR is not set")
    return Path(folder)
