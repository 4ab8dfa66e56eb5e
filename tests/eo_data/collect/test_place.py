from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from eo_data.collect.layouts import LAYOUTS
from eo_data.collect.place import Wish, collect_place
from eo_data.collect.places import Place, Point
from eo_data.collect.seasons import ssl4eo_windows

UNTIL = date(2021, 9, 22)
LAYOUT = replace(LAYOUTS["ssl4eo_s12"], windows=lambda until, shift: ssl4eo_windows(until, shift)[:2])


@pytest.fixture
def wish():
    """(changes) -> what is wanted: the latest two seasons of SSL4EO-S12, clear."""

    def make(**changes):
        given = {"layout": LAYOUT, "products": ("s2a",), "until": UNTIL, "max_cloud": 20, **changes}
        return Wish(window_cloud=given.pop("window_cloud", 0.0), **given)

    return make


@pytest.fixture
def west(places_file):
    """A place in the north-west of the tile."""
    longitude, latitude = map(float, places_file.read_text().splitlines()[1].split(","))
    return Place(0, (Point(longitude, latitude, 0),))


@pytest.fixture
def east(places_file):
    """A place in the north-east of the tile."""
    longitude, latitude = map(float, places_file.read_text().splitlines()[2].split(","))
    return Place(1, (Point(longitude, latitude, 0),))


def reasons(record):
    return {note["reason"] for note in record["passed_over"]}


def test_the_most_recent_clear_image_of_each_season_is_taken(source_of, wish, west, earth):
    record, images = collect_place(west, source_of(), wish())
    assert (record["status"], record["draw"], record["rejected"]) == ("taken", 0, [])
    pixels_of, _ = earth
    for image, described in zip(images, record["images"], strict=True):
        number = (image.item.time.date() - date(2019, 10, 1)).days // 4
        assert number % 3  # else the scene is cloudy
        assert number % 5  # else the square is
        expected = pixels_of("sentinel-2-l2a", number, "B04")[72:336, 72:336]
        np.testing.assert_array_equal(image.bands["B04"], expected)
        assert described["bounds"] == (600_720, 4_996_680, 603_360, 4_999_320)
        assert described["folder"] == image.item.folder
    assert reasons(record) <= {"the scene has more than 20 % cloud", "clouds cover more than 0 of the square"}
    windows = LAYOUT.windows(UNTIL, 0)
    assert all(window.holds(image.item.time) for window, image in zip(windows, images, strict=True))


def test_clouds_elsewhere_in_the_scene_do_not_matter(source_of, wish, west, east):
    _, here = collect_place(west, source_of("cloudy"), wish())
    record, there = collect_place(east, source_of("cloudy"), wish())
    assert (len(here), len(there)) == (0, 2)
    assert {image["cloud"] for image in record["images"]} == {0.0}
    record, covered = collect_place(west, source_of("cloudy"), wish(window_cloud=1.0))
    assert {image.cloud for image in covered} == {1.0}


def test_a_place_without_a_clear_date_is_dropped_with_the_reason(source_of, wish, west):
    record, images = collect_place(west, source_of("cloudy"), wish())
    assert images == []
    assert record["status"] == "dropped"
    (rejected,) = record["rejected"]
    window = LAYOUT.windows(UNTIL, 0)[0]
    assert rejected["reason"].startswith(f"no usable image in {window}: ")
    assert "clouds cover more than 0 of the square" in rejected["reason"]
    assert rejected["longitude"] == west.draws[0].longitude


def test_the_next_draw_is_tried_and_the_first_is_recorded(source_of, wish, west, east):
    record, images = collect_place(Place(5, west.draws + east.draws), source_of("cloudy"), wish())
    assert (record["place"], record["status"], record["draw"]) == (5, "taken", 1)
    assert len(images) == 2
    assert [rejected["draw"] for rejected in record["rejected"]] == [0]


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        ("edge", "the square crosses the border of the tile"),
        ("lacking", "the item has no B12"),
        ("broken", "is no whole GeoTIFF"),
        (
            "bright",
            "nothing tells whether 1000 must be subtracted: a bright scene, baseline 05.00, offset removed False",
        ),
    ],
)
def test_images_that_cannot_be_used_are_passed_over_with_the_reason(source_of, wish, west, world, reason):
    record, images = collect_place(west, source_of(world), wish())
    assert images == []
    assert reason in record["rejected"][0]["reason"]


def test_an_image_with_an_empty_corner_gives_way_to_the_next(source_of, wish, west):
    record, images = collect_place(west, source_of("holes"), wish(layout=LAYOUTS["ssl4eo_s12"]))
    numbers = [(image.item.time.date() - date(2019, 10, 1)).days // 4 for image in images]
    assert len(numbers) == 4
    assert all(number % 2 == 0 for number in numbers)
    assert any(reason.endswith("pixels of B04 hold no data") for reason in reasons(record))


def test_zeros_on_water_are_kept(source_of, wish, west):
    _, images = collect_place(west, source_of("water"), wish(layout=LAYOUTS["ssl4eo_s12"]))
    assert any((image.bands["B04"] == 0).all() for image in images)


@pytest.mark.parametrize(("world", "removed"), [("offset", 1000), ("flagged", 0)])
def test_a_source_that_lies_about_its_offset_is_not_believed(source_of, wish, west, earth, world, removed):
    record, images = collect_place(west, source_of(world), wish())
    pixels_of, _ = earth
    assert {image.item.offset_removed for image in images} == {world == "offset"}  # "offset" has it and denies it
    assert {image["offset_removed"] for image in record["images"]} == {removed}
    assert {image["offset_known_by"] for image in record["images"]} == {"pixels"}
    for image in images:
        number = (image.item.time.date() - date(2019, 10, 1)).days // 4
        for band in ("B02", "B12"):
            start, size = 720 // (20 if band == "B12" else 10), len(image.bands[band])
            expected = pixels_of("sentinel-2-l2a", number, band)[start : start + size, start : start + size]
            np.testing.assert_array_equal(image.bands[band], expected)


def test_radar_is_the_image_nearest_in_time(signed_source, wish, west):
    _, images = collect_place(west, signed_source, wish(products=("s1", "s2a")))
    assert [image.item.product for image in images] == ["s1", "s2a"] * 2
    for radar, optical in zip(images[::2], images[1::2], strict=True):
        assert abs((radar.item.time - optical.item.time).days) <= 2
        assert radar.square == optical.square
        assert set(radar.bands) == {"VV", "VH"}


def test_radar_alone_needs_no_optical_image(signed_source, wish, west, server):
    record, images = collect_place(west, signed_source, wish(products=("s1",)))
    assert [image.item.product for image in images] == ["s1"] * 2
    assert {image["cloud"] for image in record["images"]} == {None}
    assert not any("SCL" in path for path in server.requests)


def test_a_place_where_nothing_was_ever_taken_is_dropped(source_of, wish):
    record, _ = collect_place(Place(0, (Point(-30.0, 0.0, 0),)), source_of(), wish())
    assert record["rejected"][0]["reason"].endswith(": none was taken")


def test_a_place_that_overlaps_another_is_dropped(source_of, wish, west):
    record, _ = collect_place(Place(3, west.draws, overlaps=1), source_of(), wish())
    assert (record["status"], record["rejected"][0]["reason"]) == ("dropped", "overlaps place 1")
    record, _ = collect_place(Place(3, (), overlaps=1), source_of(), wish())
    assert record == {"place": 3, "status": "dropped", "rejected": [{"reason": "no room beside place 1"}]}
