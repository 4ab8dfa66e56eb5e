from datetime import UTC, date, datetime

import numpy as np
import pytest

from eo_data.collect import EARTH_SEARCH, PLANETARY_COMPUTER, UnreachableError, UnsuitableError
from eo_data.collect.places import Point
from eo_data.collect.seasons import Window
from eo_data.collect.square import Square
from eo_data.collect.stac import decibel, read_item

POINT = Point(10.297, 45.128, 0)
WINDOW = Window(date(2021, 6, 1), date(2021, 6, 16))
SQUARE = Square(32632, 600_720, 4_999_320)


def test_a_search_finds_what_was_taken_there_and_then(source_of):
    items = source_of().search("s2a", POINT, WINDOW)
    assert sorted(item.time.day for item in items) == [4, 8, 12]
    item = min(items, key=lambda item: item.time)
    assert item.id == "S2A_32TPR_20210604_0_L2A"
    assert item.folder == "20210604T100000_20210605T100000_T32TPR"
    assert (item.tile, item.epsg, item.baseline, item.offset_removed) == ("32TPR", 32632, "03.00", False)
    assert (item.cloud, item.missing) == (80, 0)
    assert len(item.assets) == 13


def test_a_search_elsewhere_or_at_another_time_finds_nothing(source_of):
    assert source_of().search("s2a", Point(11.0, 45.128, 0), WINDOW) == []
    assert source_of().search("s2a", POINT, Window(date(2015, 6, 1), date(2015, 6, 16))) == []


@pytest.mark.parametrize("faults", [[429], [500, 503], ["cut"]])
def test_a_search_outlives_faults(source_of, server, faults):
    server.faults = [("/search", fault) for fault in faults]
    assert len(source_of().search("s2a", POINT, WINDOW)) == 3
    assert not server.faults


def test_a_server_that_is_no_stac_api_is_said_to_be_none(source_of, server):
    source = source_of()
    server.faults = [("/search", 404)]
    with pytest.raises(UnreachableError, match="answers no search as a STAC API does: .*404"):
        source.search("s2a", POINT, WINDOW)


def test_pages_are_followed_to_the_end(source_of):
    source = source_of()
    found = source.search("s2a", POINT, Window(date(2019, 1, 1), date(2022, 1, 1)))
    assert len(found) == len({item.id for item in found}) == 183  # of which a page holds 100


def test_an_item_that_lacks_a_band_is_unsuitable(source_of):
    source = source_of("lacking")
    item = source.search("s2a", POINT, WINDOW)[0]
    with pytest.raises(UnsuitableError, match="the item has no B12"):
        source.read(item, "B12", SQUARE)


def test_an_expired_token_is_renewed_in_the_middle_of_a_file(signed_source, server):
    item = signed_source.search("s2a", POINT, WINDOW)[0]
    expected = signed_source.read(item, "B05", SQUARE)
    server.tokens += 1  # the token given is the newest no more
    np.testing.assert_array_equal(signed_source.read(item, "B05", SQUARE), expected)
    assert sum(path.startswith("/token") for path in server.requests) == 2
    assert "sig" not in "".join(item.assets.values())


def test_radar_comes_in_decibel_on_the_grid_of_the_square(signed_source, earth):
    pixels_of, _ = earth
    item = signed_source.search("s1", POINT, WINDOW)[0]
    found = signed_source.read(item, "VH", SQUARE)
    assert found.dtype == np.float32
    assert found.shape == (264, 264)
    expected = 10 * np.log10(pixels_of("sentinel-1-rtc", 0, "VH")[72:336, 72:336])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(UnsuitableError, match=r"\d+ pixels without data in the square"):
        signed_source.read(item, "VH", Square(32632, 598_680, 4_999_320))


def test_zero_power_is_no_data():
    with pytest.raises(UnsuitableError, match="1 pixels without data"):
        decibel(np.array([[1.0, 0.0]], np.float32))
    np.testing.assert_allclose(decibel(np.array([[0.1, 100.0]], np.float32)), [[-10, 20]])


def test_an_item_of_the_planetary_computer_is_read_by_its_own_names():
    item = {
        "id": "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531",
        "properties": {
            "datetime": "2019-06-29T21:25:29.024000Z",
            "s2:mgrs_tile": "06VVN",
            "s2:processing_baseline": "02.12",
            "s2:generation_time": "2020-10-06T08:05:31.024Z",
            "eo:cloud_cover": 0.5,
            "proj:code": "EPSG:32606",
        },
        "assets": {"B02": {"href": "https://h/B02.tif"}, "SCL": {"href": "https://h/SCL.tif"}, "visual": {"href": "x"}},
    }
    found = read_item(item, "s2a", PLANETARY_COMPUTER.products["s2a"])
    assert found.folder == "20190629T212529_20201006T080531_T06VVN"
    assert found.time == datetime(2019, 6, 29, 21, 25, 29, 24_000, UTC)
    assert (found.epsg, found.baseline, found.offset_removed, found.missing) == (32606, "02.12", None, None)
    assert found.assets == {"B02": "https://h/B02.tif", "SCL": "https://h/SCL.tif"}


def test_an_item_that_says_little_is_no_error():
    found = read_item({"id": "a", "properties": {"datetime": "2021-01-01"}}, "s2a", EARTH_SEARCH.products["s2a"])
    assert (found.tile, found.epsg, found.cloud, found.generated, found.assets) == (None, None, None, None, {})
