import numpy as np
import pytest
import rasterio
from PIL import Image

from eo_data import EuroSAT
from eo_data.synthetic import write_eurosat
from eo_data.synthetic.eurosat import draw_kind, on_10m_grid
from eo_data.synthetic.places import BUILT, CROPS, SNOW, TREES, WATER


@pytest.fixture(scope="module")
def rgb(tmp_path_factory):
    return write_eurosat(tmp_path_factory.mktemp("eurosat") / "rgb", per_class=(2, 1, 1), seed=3)


@pytest.fixture(scope="module")
def ms(tmp_path_factory):
    return write_eurosat(tmp_path_factory.mktemp("eurosat") / "ms", images="ms", per_class=(1, 1, 0), seed=3)


def test_pictures_lie_where_the_archive_has_them(rgb):
    assert {path.name for path in (rgb / "2750").iterdir()} == set(EuroSAT.CLASSES)
    with Image.open(rgb / "2750" / "Forest" / "Forest_4.jpg") as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (64, 64))


def test_the_reader_reads_each_split(rgb):
    assert [len(EuroSAT(rgb, split)) for split in ("train", "val", "test")] == [20, 10, 10]
    sample = EuroSAT(rgb, "val")[4]
    assert sample["id"] == "Industrial_3"
    assert (sample["image"].shape, sample["label"]) == ((3, 64, 64), 4)


def test_splits_are_disjoint(rgb):
    lists = [set((rgb / f"eurosat-{split}.txt").read_text().split()) for split in ("train", "val", "test")]
    assert sum(map(len, lists)) == len(set.union(*lists)) == 40


def test_thirteen_bands_with_b8a_last(ms):
    path = ms / "ds/images/remote_sensing/otherDatasets/sentinel_2/tif/River/River_1.tif"
    with rasterio.open(path) as file:
        assert (file.count, file.shape, set(file.dtypes), file.res) == (13, (64, 64), {"uint16"}, (10, 10))
        pixels = file.read()
    assert pixels[9].mean() < 60  # B10 sees no ground
    bands = draw_kind(3, "River", 1, 66).seasons[0].s2c
    np.testing.assert_array_equal(pixels[12], on_10m_grid(bands["B8A"], 66)[:64, :64])


def test_the_reader_puts_b8a_in_its_place(ms):
    dataset = EuroSAT(ms, "train", images="ms")
    assert len(dataset) == 10
    assert dataset.bands[8] == "B8A"
    assert dataset[1]["image"][8].float().mean() > dataset[1]["image"][9].float().mean()


@pytest.mark.parametrize(
    ("kind", "cover"),
    [("AnnualCrop", CROPS), ("Forest", TREES), ("Industrial", BUILT), ("Residential", BUILT), ("SeaLake", WATER)],
)
def test_a_class_shows_its_cover(kind, cover):
    covers = np.stack([draw_kind(0, kind, number, 66, product="s1").seasons[0].cover for number in range(6)])
    assert (covers == cover).mean() > 0.7


def test_rivers_and_highways_cross_the_image_and_no_snow_lies():
    rivers = np.stack([draw_kind(0, "River", number, 66, product="s1").seasons[0].cover for number in range(6)])
    roads = np.stack([draw_kind(0, "Highway", number, 66, product="s1").seasons[0].cover for number in range(6)])
    assert 0.05 < (rivers == WATER).mean() < 0.6
    assert ((roads == BUILT).sum(axis=(1, 2)) > 60).all()
    assert not (rivers == SNOW).any()


def test_more_images_are_the_same_ones_and_more(rgb, tmp_path):
    more = write_eurosat(tmp_path, per_class=(1, 0, 0), seed=3)
    name = "2750/Pasture/Pasture_1.jpg"
    assert (more / name).read_bytes() == (rgb / name).read_bytes()


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown images 'rgbn'; nearest known: rgb"):
        write_eurosat(tmp_path, images="rgbn", per_class=(1, 1, 1))
    with pytest.raises(ValueError, match=r"per_class must be three counts.*got \(0, 0, 0\)"):
        write_eurosat(tmp_path, per_class=(0, 0, 0))
