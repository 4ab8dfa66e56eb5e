import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from eo_data import OSCD, SENSORS
from eo_data.oscd import read_change, tiles
from eo_data.synthetic import write_oscd

L1C = SENSORS["sentinel2-l1c"].band_names


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return write_oscd(tmp_path_factory.mktemp("oscd") / "earth", cities=(3, 2), size=60, seed=4)


@pytest.fixture
def root(tmp_path, made_once):
    return shutil.copytree(made_once, tmp_path / "oscd")


def test_pairs_of_13_bands_with_their_change(root):
    dataset = OSCD(root, "train", tile=24)
    assert (dataset.bands, dataset.sensor, dataset.classes) == (L1C, "sentinel2-l1c", ("no change", "change"))
    assert [city.name for city in dataset.cities] == ["aguasclaras", "bercy", "bordeaux"]
    assert len(dataset) == 3 * 9
    sample = dataset[4]
    assert sample["id"] == "aguasclaras_24_24"
    assert (sample["image"].shape, sample["image"].dtype) == ((2, 13, 24, 24), torch.uint16)
    assert (sample["mask"].shape, sample["mask"].dtype) == ((24, 24), torch.int64)
    assert [city.name for city in OSCD(root, "test").cities] == ["brasilia", "montpellier"]
    assert len(OSCD(root, "all", tile=None)) == 5


def test_tiles_are_those_published(rule):
    case = rule("oscd_tiles")
    given = case["input"]
    found = tiles(given["width"], given["height"], given["patch"])
    assert [list(tile) for tile in found] == case["outputs"]["tiles"]


@pytest.mark.parametrize("images", ["original", "rectified"])
@pytest.mark.parametrize("resolution", [None, 20, "native"])
def test_tiles_are_parts_of_the_city(root, images, resolution):
    if images == "rectified" and resolution:
        with pytest.raises(ValueError, match="rectified images are all on the 10 m grid"):
            OSCD(root, "train", images=images, resolution=resolution)
        return
    arguments = {"images": images, "resolution": resolution, "cities": ["bercy"]}
    whole, cut = OSCD(root, "train", tile=None, **arguments)[0], OSCD(root, "train", tile=24, **arguments)
    for sample in cut:
        left, top = map(int, sample["id"].split("_")[1:])
        for name in whole.keys() - {"id"}:
            factor = {"image_20m": 2, "image_60m": 6}.get(name, 1)
            side, x, y = 24 // factor, left // factor, top // factor
            part = whole[name].long()[..., y : y + side, x : x + side]
            height, width = part.shape[-2:]
            assert torch.equal(sample[name].long()[..., :height, :width], part)
            beyond = sample[name].long().clone()
            beyond[..., :height, :width] = -1
            assert set(beyond.unique().tolist()) <= {-1, 255 if name == "mask" else 0}
            assert sample[name].shape[-2:] == (side, side)


def test_the_border(root):
    ignored, zeros, dropped = (OSCD(root, "train", tile=24, border=border) for border in ("ignore", "zero", "drop"))
    assert len(ignored) == len(zeros) == 27
    assert len(dropped) == 12
    last = ignored[8]["mask"], zeros[8]["mask"]
    assert last[0][:, 12:].unique().tolist() == [255]
    assert last[1][:, 12:].unique().tolist() == [0]
    assert torch.equal(ignored[8]["image"], zeros[8]["image"])
    assert not any((sample["mask"] == 255).any() for sample in dropped)


def test_both_forms_of_the_change_map_agree(root):
    for city in ("bercy", "bordeaux"):
        folder = root / OSCD.TRAIN_LABELS / city / "cm"
        np.testing.assert_array_equal(read_change(folder / "cm.png"), read_change(folder / f"{city}-cm.tif"))
    before = OSCD(root, "train", tile=None)[1]["mask"]
    (root / OSCD.TRAIN_LABELS / "bercy" / "cm" / "cm.png").unlink()
    assert torch.equal(OSCD(root, "train", tile=None)[1]["mask"], before)
    assert 0 < (before == 1).float().mean() < 0.5


def test_labels_merged_into_the_images_and_a_root_without_the_long_name(root):
    expected = OSCD(root, "train", tile=None)[2]
    images = root / OSCD.IMAGES
    for city in (root / OSCD.TRAIN_LABELS).iterdir():
        shutil.move(city / "cm", images / city.name / "cm")
    found = OSCD(images, "train", tile=None)[2]
    assert torch.equal(found["mask"], expected["mask"])
    assert torch.equal(found["image"], expected["image"])


def test_cities_without_labels(root):
    shutil.rmtree(root / OSCD.TEST_LABELS)
    with pytest.raises(
        FileNotFoundError, match="no change map of brasilia, montpellier: .*unlabelled='skip' or 'keep'"
    ):
        OSCD(root, "test")
    kept = OSCD(root, "all", unlabelled="keep")
    assert kept[len(kept) - 1]["mask"].unique().tolist() == [255]
    skipped = OSCD(root, "all", unlabelled="skip")
    assert skipped.skipped == ("brasilia", "montpellier")
    assert {name.split("_")[0] for name in skipped.ids} == {"aguasclaras", "bercy", "bordeaux"}


def test_labels_may_lie_elsewhere(root, tmp_path):
    elsewhere = tmp_path / "labels"
    elsewhere.mkdir()
    shutil.move(root / OSCD.TRAIN_LABELS, elsewhere / OSCD.TRAIN_LABELS)
    assert len(OSCD(root, "train", labels=elsewhere)) == 3
    assert len(OSCD(root, "train", labels=elsewhere / OSCD.TRAIN_LABELS)) == 3


def test_which_cities(root):
    assert [city.name for city in OSCD(root, "train", cities=["bordeaux"]).cities] == ["bordeaux"]
    with pytest.raises(ValueError, match="unknown city of train 'bordaux'; nearest known: bordeaux"):
        OSCD(root, "train", cities=["bordaux"])
    for split in ("train", "test"):
        (root / OSCD.IMAGES / f"{split}.txt").unlink()
    assert len(OSCD(root, "train").cities) == 3  # by the folder of labels
    shutil.rmtree(root / OSCD.TRAIN_LABELS)
    with pytest.raises(FileNotFoundError, match="11 of the 14 cities of train are not .*incomplete='skip'"):
        OSCD(root, "train", unlabelled="keep")
    assert len(OSCD(root, "train", unlabelled="keep", incomplete="skip").cities) == 3


def test_dates_of_unequal_size(root, write_geotiff):
    path = next((root / OSCD.IMAGES / "bercy" / "imgs_2").glob("*_B04.tif"))
    for band in ("B02", "B03", "B04", "B08"):
        write_geotiff(path.with_name(path.name.replace("B04", band)), np.zeros((1, 61, 60), np.uint16))
    with pytest.raises(ValueError, match="the two dates of bercy differ in size: .*60.* and .*61"):
        OSCD(root, "train")


def test_files_that_do_not_fit(root):
    mask = root / OSCD.TRAIN_LABELS / "bercy" / "cm" / "cm.png"
    Image.fromarray(np.zeros((50, 60), np.uint8)).save(mask)
    with pytest.raises(ValueError, match="cm.png has 50 x 60 pixels, the 10 m images of bercy have 60 x 60"):
        OSCD(root, "train", cities=["bercy"])[0]
    Image.fromarray(np.full((60, 60), 2, np.uint8)).save(mask)
    with pytest.raises(ValueError, match="cm.png holds no 0; a change map holds"):
        OSCD(root, "train", cities=["bercy"])[0]
    next((root / OSCD.IMAGES / "bercy" / "imgs_2").glob("*_B04.tif")).unlink()
    with pytest.raises(FileNotFoundError, match=r"imgs_2 has 0 files \*B04.tif, expected one"):
        OSCD(root, "train")
    assert len(OSCD(root, "train", cities=["bordeaux"])) == 1


def test_a_change_map_with_other_numbers(root, write_geotiff):
    path = write_geotiff(root / "odd-cm.tif", np.full((1, 4, 4), 3, np.uint8))
    with pytest.raises(ValueError, match=r"odd-cm.tif holds 3; a change map holds 1 \(none\) and 2 \(change\)"):
        read_change(path)


def test_bad_arguments(root, tmp_path):
    with pytest.raises(
        ValueError, match="tile must be at least 1, and a multiple of 6 for resolution='native', got 20"
    ):
        OSCD(root, "train", tile=20, resolution="native")
    with pytest.raises(ValueError, match="unknown border 'pad'"):
        OSCD(root, "train", border="pad")
    with pytest.raises(FileNotFoundError, match="no cities of OSCD .*download=True"):
        OSCD(tmp_path / "none", "train")


def test_workers_may_read_it(root):
    dataset = OSCD(root, "train", tile=24, bands=["B04", "B05"])
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[3]["image"], dataset[3]["image"])


def test_download_fetches_and_unpacks(root, tmp_path, monkeypatch, zipped):
    parts = [zipped(root / name, f"{name}.zip") for name in (OSCD.IMAGES, OSCD.TRAIN_LABELS)]
    assert OSCD.ARCHIVES[1].filename == f"{OSCD.TRAIN_LABELS}.zip"
    monkeypatch.setattr(OSCD, "ARCHIVES", parts)
    fetched = OSCD(tmp_path / "fetched", "train", labels=tmp_path / "fetched", download=True)
    assert torch.equal(fetched[0]["mask"], OSCD(root, "train")[0]["mask"])


def test_layout_of_torchgeo(real_data):
    root = real_data / "synthetic_layouts_torchgeo" / "oscd"
    for split, names in (("train", ["train1", "train2"]), ("test", ["test"])):
        dataset = OSCD(root, split, images="rectified", tile=None)
        assert [city.name for city in dataset.cities] == names
        sample = dataset[0]
        picture = next(path for path in root.rglob("cm.png") if names[0] in path.parts)
        assert torch.equal(sample["mask"], torch.from_numpy(np.array(Image.open(picture).convert("L")) > 0).long())
        assert sample["image"].shape == (2, 13, *sample["mask"].shape)


def test_real_cities(real_data):
    labels = real_data / "oscd_labels_cc-by-nc-sa"
    train = OSCD(real_data / "oscd", "train", labels=labels, incomplete="skip", tile=None, bands=["B04", "B05"])
    changed = {sample["id"].split("_")[0]: int((sample["mask"] == 1).sum()) for sample in train}
    assert changed == {"bercy": 1046, "bordeaux": 2380, "nantes": 3449, "paris": 458, "rennes": 4932}
    assert train[1]["image"].shape == (2, 2, 517, 461)
    every = OSCD(real_data / "oscd", "all", labels=labels, incomplete="skip", unlabelled="keep")
    assert (len(every.cities), len(every)) == (10, 251)
    assert every[-1]["image"].shape == (2, 13, 96, 96)
