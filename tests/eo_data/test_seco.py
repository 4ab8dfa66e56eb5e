import pickle
import shutil

import pytest
import torch

from eo_data import SENSORS, SeCo
from eo_data.synthetic import write_seco

L2A = SENSORS["sentinel2-l2a"].band_names


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return write_seco(tmp_path_factory.mktemp("seco") / "earth", locations=3, size=12, seed=1)


@pytest.fixture
def root(tmp_path, made_once):
    return shutil.copytree(made_once, tmp_path / "seco")


def test_five_dates_of_twelve_bands_in_8_bits(root):
    dataset = SeCo(root)
    assert dataset.ids == ("000000", "000001", "000002")
    assert (dataset.bands, dataset.sensor, dataset.classes) == (L2A, "sentinel2-l2a", None)
    assert dataset.units == ("uint8",) * 12
    assert dataset.normalization is None  # nobody has said how to normalize the infrared
    sample = dataset[2]
    assert (sample["image"].shape, sample["image"].dtype, sample["id"]) == ((5, 12, 12, 12), torch.uint8, "000002")


def test_the_visible_bands_come_with_the_authors_normalization(root):
    dataset = SeCo(root, bands=["red", "B3", "B02"], seasons=2)
    assert dataset.bands == ("B04", "B03", "B02")
    assert [step["op"] for step in dataset.normalization] == ["standardize", "affine", "clip", "floor", "standardize"]
    assert torch.equal(dataset[0]["image"], SeCo(root)[0]["image"][:2, [3, 2, 1]])


def test_native_resolutions(root):
    sample = SeCo(root, resolution="native", seasons=1)[0]
    shapes = {name: tuple(value.shape) for name, value in sample.items() if name != "id"}
    assert shapes == {"image_10m": (1, 4, 12, 12), "image_20m": (1, 6, 6, 6), "image_60m": (1, 2, 2, 2)}
    assert SeCo(root, resolution=60, seasons=1)[0]["image"].shape == (1, 12, 2, 2)


def test_random_dates_are_drawn_without_replacement_and_stay_in_order(root):
    drawn = set()
    for seed in range(6):
        dataset = SeCo(root, seasons=3, draw="random", seed=seed)
        names = [folder.name for folder in dataset.date_folders("000001")]
        assert names == sorted(set(names))
        assert len(names) == 3
        drawn.add(tuple(names))
        assert names == [f.name for f in SeCo(root, seasons=3, draw="random", seed=seed).date_folders("000001")]
    assert len(drawn) > 1
    every = SeCo(root, seasons=5, draw="random").date_folders("000001")
    assert every == SeCo(root).date_folders("000001")


def test_root_may_be_the_version_itself_and_workers_may_read(root):
    dataset = pickle.loads(pickle.dumps(SeCo(root / "seasonal_contrast_100k", seasons=1)))
    assert torch.equal(dataset[1]["image"], SeCo(root, seasons=1)[1]["image"])


def test_locations_with_too_few_dates(root):
    folder = SeCo(root).date_folders("000001")[3]
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match="1 of 3 locations in .* have fewer than 5 dates, such as 000001"):
        SeCo(root)
    dataset = SeCo(root, incomplete="skip")
    assert (dataset.ids, dataset.skipped) == (("000000", "000002"), ("000001",))
    assert len(SeCo(root, seasons=4)) == 3
    with pytest.raises(FileNotFoundError, match="3 of 3 locations"):
        SeCo(root, seasons=6, incomplete="skip")


def test_bad_arguments(root, tmp_path):
    with pytest.raises(ValueError, match="unknown split 'val'"):
        SeCo(root, "val")
    with pytest.raises(ValueError, match="unknown draw 'latest'"):
        SeCo(root, draw="latest")
    with pytest.raises(ValueError, match="seasons must be at least 1, got 0"):
        SeCo(root, seasons=0)
    with pytest.raises(ValueError, match="unknown band 'B10'"):
        SeCo(root, bands=["B10"])
    with pytest.raises(
        FileNotFoundError, match=r"no SeCo locations in .*seasonal_contrast_1m; expected .*download=True"
    ):
        SeCo(root, version="1m")


def test_download_fetches_and_unpacks(root, tmp_path, monkeypatch, zipped):
    monkeypatch.setattr(SeCo, "ARCHIVES", {"100k": zipped(root, "seco_100k.zip")})
    dataset = SeCo(tmp_path / "fetched", seasons=1, download=True)
    assert torch.equal(dataset[1]["image"], SeCo(root, seasons=1)[1]["image"])


def test_layout_of_torchgeo(real_data):
    dataset = SeCo(real_data / "synthetic_layouts_torchgeo" / "seco")
    assert dataset[0]["image"].shape == (5, 12, 264, 264)
