from datetime import UTC, datetime

import numpy as np
import pytest

from eo_data.collect import Item
from eo_data.collect.offset import DARK_BANDS, darkest, judge_scene, remove_offset


def item(baseline=None, removed=None):
    nothing = dict.fromkeys(("generated", "tile", "epsg", "cloud", "missing"))
    facts = {"baseline": baseline, "offset_removed": removed, "assets": {}, "properties": {}}
    return Item(product="s2a", id="a", folder="a", time=datetime(2022, 2, 1, tzinfo=UTC), **nothing, **facts)


def scene(**floors):
    """Bands of ground between their floor and three times as bright, a tenth of it empty."""
    rng = np.random.default_rng(0)
    bands = {band: rng.integers(floor, 3 * floor, (200, 200)).astype(np.uint16) for band, floor in floors.items()}
    for pixels in bands.values():
        pixels[:20] = 0
    return bands


FOREST = {"B02": 150, "B04": 120, "B12": 200}
DESERT = {"B02": 1100, "B04": 2000, "B12": 4000}
SNOW = {"B02": 6000, "B04": 6000, "B12": 300}


@pytest.mark.parametrize("ground", [FOREST, SNOW])
@pytest.mark.parametrize("fields", [("03.00", None), ("05.00", False), ("05.00", None), (None, None), ("05.00", True)])
def test_dark_ground_proves_that_there_is_no_offset_whatever_the_fields_say(ground, fields):
    assert judge_scene(scene(**ground), item(*fields)) == (0, "pixels")


@pytest.mark.parametrize("fields", [("05.00", None), ("05.00", True), ("03.00", False), (None, None)])
def test_nothing_below_a_thousand_in_any_band_proves_the_offset_whatever_the_fields_say(fields):
    bands = {band: np.where(pixels > 0, pixels + 1000, 0) for band, pixels in scene(**FOREST).items()}
    assert judge_scene(bands, item(*fields)) == (1000, "pixels")


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        (("05.00", None), (1000, "fields")),
        (("03.00", None), (0, "fields")),
        (("05.00", True), (0, "fields")),
        (("03.00", False), (0, "fields")),
        (("05.00", False), None),  # this field has been wrong: false although removed
        (("03.00", True), None),
        ((None, True), None),
        ((None, None), None),
    ],
)
def test_where_all_is_bright_the_fields_decide_if_they_agree(fields, verdict):
    assert judge_scene(scene(**DESERT), item(*fields)) == verdict


def test_a_scene_without_a_valid_pixel_says_nothing():
    bands = {band: np.zeros((10, 10), np.uint16) for band in DARK_BANDS}
    assert darkest(bands["B02"]) == np.inf
    assert judge_scene(bands, item()) is None


def test_removing_keeps_the_empty_empty_and_the_valid_valid():
    pixels = np.array([0, 1, 900, 1000, 1001, 1200, 65535], np.uint16)
    assert remove_offset(pixels, 1000).tolist() == [0, 1, 1, 1, 1, 200, 64535]
    assert remove_offset(pixels, 1000).dtype == np.uint16
    assert remove_offset(pixels, 0) is pixels
