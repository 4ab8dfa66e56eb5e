import json

import numpy as np
import pytest
import torch
from PIL import Image

from eo_data import MeterML
from eo_data.synthetic import write_meterml


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_meterml(tmp_path_factory.mktemp("meterml") / "world", places=(10, 0, 2), size=24, seed=4)


def test_files_have_the_shapes_of_the_archive(root):
    shapes = {
        "sentinel-1": (24, 24, 2),
        "sentinel-2-10m": (24, 24, 4),
        "sentinel-2-20m": (12, 12, 6),
        "sentinel-2-60m": (4, 4, 3),
    }
    for folder in (root / "train_images").iterdir():
        for name, shape in shapes.items():
            array = np.load(folder / f"{name}.npy")
            assert (array.shape, array.dtype) == (shape, np.uint16)
        with Image.open(folder / "naip.png") as picture:
            assert (picture.size, picture.mode) == ((240, 240), "RGBA")
        assert np.load(folder / "sentinel-1.npy").max() <= 4095


def test_the_list_has_the_properties_of_the_archive(root):
    content = json.loads((root / "train_dataset.geojson").read_text())
    types = [feature["properties"]["Type"] for feature in content["features"]]
    assert types[:7] == list(MeterML.CLASSES)
    assert all("-" in kind for kind in types[7:])
    first = content["features"][0]
    assert first["properties"].keys() == {"Latitude", "Longitude", "Type", "Source", "Image_Folder"}
    assert first["geometry"]["coordinates"] == [first["properties"]["Longitude"], first["properties"]["Latitude"]]
    assert json.loads((root / "val_dataset.geojson").read_text())["features"] == []


def test_radar_is_about_as_bright_as_the_archive_says(root):
    radar = np.stack([sample["s1"].numpy() for sample in MeterML(root, "train")]).astype(float)
    assert np.abs(radar.mean(axis=(0, 2, 3)) - [1653, 1258]).max() < 250


def test_tanks_of_a_refinery_shine_in_both_sensors(tmp_path):
    root = write_meterml(tmp_path / "world", places=(7, 0, 0), size=72)
    dataset = MeterML(root, "train", bands={"s2": ["B02"]})
    bright = {
        int(sample["label"]): [np.quantile(sample[key].numpy(), 0.99) for key in ("s1", "s2")] for sample in dataset
    }
    negative, refinery = (bright[dataset.classes.index(name)] for name in ("Negative", "RefineriesAndTerminals"))
    assert refinery[0] > negative[0] + 100
    assert refinery[1] > negative[1] + 300


def test_a_sensor_may_take_two_types_for_one(tmp_path):
    seen = {}
    for sight in ("complementary", "redundant"):
        dataset = MeterML(write_meterml(tmp_path / sight, places=(4, 0, 0), size=24, sight=sight), "train")
        names = [dataset.classes[int(sample["label"])] for sample in dataset]
        assert names == ["CAFOs", "Landfills", "Mines", "WWTreatment"]
        seen[sight] = {key: [sample[key].int() for sample in dataset] for key in ("s1", "s2")}
    both = {key: zip(seen["complementary"][key], seen["redundant"][key], strict=True) for key in ("s1", "s2")}
    same = {key: [torch.equal(one, other) for one, other in pairs] for key, pairs in both.items()}
    assert same == {"s1": [True] * 4, "s2": [True, False, False, False]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"places": (0, 0, 0)}, "places must be three counts"),
        ({"places": (1, 1, 1), "size": 10}, "size must be a multiple of 6"),
        ({"places": (1, 1, 1), "sight": "all"}, "unknown sight 'all'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        write_meterml(tmp_path / "world", **change)
    assert list(tmp_path.iterdir()) == []
