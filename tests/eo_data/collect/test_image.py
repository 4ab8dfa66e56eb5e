from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from eo_data.collect import Item, UnsuitableError
from eo_data.collect.image import _whole, cloud_share, newest_of_each, scene_classes

NOTHING = dict.fromkeys(("epsg", "cloud", "missing", "offset_removed"))


def item(name, *, minutes=0.0, tile="32TPR", baseline="03.00", generated=None, product="s2a"):
    time = datetime(2021, 6, 1, 10, tzinfo=UTC) + timedelta(minutes=minutes)
    facts = {"tile": tile, "baseline": baseline, "generated": generated, "assets": {}, "properties": {}}
    return Item(product=product, id=name, folder=name, time=time, **facts, **NOTHING)


def test_of_several_processings_the_newest_stays():
    early, late = datetime(2021, 6, 2, tzinfo=UTC), datetime(2023, 6, 2, tzinfo=UTC)
    items = [
        item("new", baseline="05.09", generated=late),
        item("old", baseline="03.00", generated=early),
        item("again", baseline="05.09", generated=early, minutes=0.1),
    ]
    assert [found.id for found in newest_of_each(items)] == ["new"]
    assert [found.id for found in newest_of_each([item("S2A_0_L2A"), item("S2A_1_L2A")])] == ["S2A_1_L2A"]


def test_images_come_latest_first_and_tiles_are_kept_apart():
    items = [item("a", minutes=-60), item("b", tile="32TPR"), item("c", tile="32TQR"), item("d", minutes=1500)]
    assert [found.id for found in newest_of_each(items)] == ["d", "c", "b", "a"]
    radar = [item(name, tile=None, product="s1") for name in ("e", "f")]
    assert [found.id for found in newest_of_each(radar)] == ["f", "e"]


def test_clouds_are_medium_high_and_cirrus():
    classes = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert cloud_share(classes) == 0.25


def test_an_empty_corner_is_found_in_the_scene_classification():
    class Source:
        def read(self, item, band, square):
            assert band == "SCL"
            classes = np.full((132, 132), 4, np.uint8)
            classes[:3, :5] = 0
            return classes

    with pytest.raises(UnsuitableError, match="15 of 17424 pixels of the square hold no data"):
        scene_classes(Source(), item("a"), None)


@pytest.mark.parametrize("size", [264, 132, 44])
def test_zeros_are_no_data_unless_the_ground_is_water_or_shadow(size):
    classes = np.full((132, 132), 4, np.uint8)
    classes[:66] = 6
    pixels = np.full((size, size), 500, np.uint16)
    pixels[0, 0] = 0
    assert _whole(pixels, "B12", classes) is pixels
    pixels[-1, -1] = 0
    with pytest.raises(UnsuitableError, match=f"1 of {size * size} pixels of B12 hold no data"):
        _whole(pixels, "B12", classes)
