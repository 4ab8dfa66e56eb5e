import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import rowcol
from rasterio.warp import transform

from eo_data.collect.square import CELL, SIDE, Square, crop_offset, cropped_corners, square_round, utm_zone


def test_a_crop_leaves_out_the_larger_half_as_the_authors_do():
    pairs = [(265, 264), (266, 264), (267, 264), (133, 132), (134, 132), (45, 44), (46, 44)]
    assert [crop_offset(*pair) for pair in pairs] == [1, 1, 2, 1, 1, 1, 1]  # conformance: center_crop_offset


def test_corners_follow_the_crop():
    (west, north), (east, south) = cropped_corners(((10.0, 50.0), (10.04, 49.97)), (267, 266), (264, 264))
    found = (west, north, east, south)  # conformance: adjust_coords
    assert found == pytest.approx(
        (10.00015037593985, 49.999775280898874, 10.03984962406015, 49.97011235955056), abs=1e-9
    )


@settings(deadline=None, max_examples=30)
@given(st.floats(-179.9, 179.9), st.floats(-55, 82))
def test_a_square_lies_on_the_grid_of_60_m_round_its_point(longitude, latitude):
    square = square_round(longitude, latitude, utm_zone(longitude, latitude))
    assert square.left % CELL == square.top % CELL == 0
    left, bottom, right, top = square.bounds
    assert right - left == top - bottom == SIDE
    (x,), (y,) = transform("EPSG:4326", f"EPSG:{square.epsg}", [longitude], [latitude])
    assert abs((left + right) / 2 - x) <= CELL
    assert abs((bottom + top) / 2 - y) <= CELL


@pytest.mark.parametrize(("resolution", "size"), [(10, 264), (20, 132), (60, 44)])
def test_bands_of_all_resolutions_end_at_the_same_place(resolution, size):
    square = Square(32632, 600_720, 4_999_320)
    assert rowcol(square.transform(resolution), 603_360, 4_996_680) == (size, size)


def test_zones_are_counted_from_the_date_line_and_told_apart_by_hemisphere():
    found = [utm_zone(*point) for point in [(-180, 1), (10, 45), (10, -45), (179.9, 0), (180, 0)]]
    assert found == [32601, 32632, 32732, 32660, 32601]
