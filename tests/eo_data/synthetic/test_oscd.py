import json

import numpy as np
import pytest
import rasterio

from eo_data import OSCD
from eo_data.synthetic import write_oscd
from eo_data.synthetic.oscd import draw_pair
from eo_data.synthetic.places import BUILT


def test_the_layout_of_the_archive(tmp_path):
    root = write_oscd(tmp_path / "earth", cities=(2, 1), size=24)
    images = root / OSCD.IMAGES
    assert (images / "train.txt").read_text() == "aguasclaras,bercy"
    for city in ("bercy", "brasilia"):
        folder = images / city
        for date in ("imgs_1", "imgs_2"):
            assert len(list((folder / date).glob("T*_*_B*.tif"))) == 13
            assert {path.stem for path in (folder / f"{date}_rect").iterdir()} >= {"B01", "B8A", "B10"}
        with rasterio.open(next((folder / "imgs_1").glob("*_B01.tif"))) as file:
            assert (file.shape, file.dtypes) == ((4, 4), ("uint16",))
        with rasterio.open(folder / "imgs_1_rect" / "B01.tif") as file:
            assert file.shape == (24, 24)
        assert (folder / "pair" / "img2.png").is_file()
        assert (folder / "dates.txt").read_text().startswith("date_1: 2021")
        assert json.loads((folder / f"{city}.geojson").read_text())["features"]
    assert (root / OSCD.TEST_LABELS / "brasilia" / "cm" / "cm.png").is_file()


def test_towns_only_grow_and_the_rest_of_the_ground_stays():
    before, after = (scene.seasons[0].cover for scene in draw_pair(0, "bercy", 96))
    assert not ((before == BUILT) & (after != BUILT)).any()
    assert 0.01 < ((after == BUILT) & (before != BUILT)).mean() < 0.4
    rest = (before != BUILT) & (after != BUILT)
    np.testing.assert_array_equal(before[rest], after[rest])


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"at most 14 of train and 10 of test, at least one in all, got \(15, 0\)"):
        write_oscd(tmp_path / "none", cities=(15, 0))
