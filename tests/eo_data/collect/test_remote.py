from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from eo_data.collect import UnreachableError, UnsuitableError
from eo_data.collect.remote import RemoteFile, read_overview, read_square, warp_square
from eo_data.collect.square import Square

SQUARE = Square(32632, 600_720, 4_999_320)  # 720 m from the corner of the tile


@pytest.fixture
def remote(server, http):
    """(band, world) -> the file on the server."""

    def make(band: str = "B01", world: str = "sentinel-2-l2a") -> RemoteFile:
        href = f"{server.address}/data/{world}/0/{band}.tif"
        return RemoteFile(href, http, lambda refused: href)

    return make


@pytest.mark.parametrize(("band", "resolution"), [("B02", 10), ("B05", 20), ("B01", 60)])
def test_a_square_is_read_pixel_for_pixel(remote, earth, band, resolution):
    pixels_of, _ = earth
    start, size = 720 // resolution, 2640 // resolution
    expected = pixels_of("sentinel-2-l2a", 0, band)[start : start + size, start : start + size]
    found = read_square(remote(band), SQUARE, resolution)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, expected)


def test_only_what_is_needed_is_fetched_and_nothing_twice(remote, server):
    file = remote("B02")
    read_square(file, SQUARE, 10)
    fetched = sum(map(len, file._blocks.values()))
    assert fetched < file.size
    asked = len(server.requests)
    read_square(file, SQUARE, 10)
    assert len(server.requests) == asked


@pytest.mark.parametrize("faults", [["cut"], ["short"], [500, 429], ["cut", "short", 503]])
def test_faults_on_the_way_do_not_change_a_pixel(remote, server, faults):
    expected = read_square(remote("B05"), SQUARE, 20)
    server.faults = [("B05", fault) for fault in faults]
    np.testing.assert_array_equal(read_square(remote("B05"), SQUARE, 20), expected)
    assert not server.faults


def test_a_server_that_goes_on_cutting_is_given_up(remote, server):
    server.faults = [("B05", "short")] * 10
    with pytest.raises(UnreachableError, match=r"B05.tif cannot be read: \d+ of \d+ bytes came"):
        read_square(remote("B05"), SQUARE, 20)


def test_a_file_that_is_not_there_or_broken_makes_the_image_unsuitable(remote, server):
    server.faults = [("B05", 404)]
    with pytest.raises(UnsuitableError, match="B05.tif answers 404"):
        read_square(remote("B05"), SQUARE, 20)
    with pytest.raises(UnsuitableError, match="B12.tif is no whole GeoTIFF"):
        read_square(remote("B12", "broken"), SQUARE, 20)


@pytest.mark.parametrize(
    ("square", "resolution", "message"),
    [
        (Square(32632, 599_940, 4_999_320), 60, "the square crosses the border of the tile"),
        (Square(32632, 606_420, 4_999_320), 60, "the square crosses the border of the tile"),
        (Square(32632, 600_750, 4_999_320), 60, "does not lie on the 60 m grid: its corner is 600000, 5000040"),
        (Square(32633, 600_720, 4_999_320), 60, "is in EPSG:32632 at 60 m, .* says EPSG:32633 at 60 m"),
        (Square(32632, 600_720, 4_999_320), 10, "is in EPSG:32632 at 60 m, .* says EPSG:32632 at 10 m"),
    ],
)
def test_squares_that_are_not_on_the_grid_are_not_resampled(remote, square, resolution, message):
    with pytest.raises(UnsuitableError, match=message):
        read_square(remote(), square, resolution)


def test_a_server_that_knows_no_parts_is_refused_unless_the_file_is_small(remote, server, earth):
    server.faults = [("B01", "whole")]
    pixels_of, _ = earth
    expected = pixels_of("sentinel-2-l2a", 0, "B01")[12:56, 12:56]
    np.testing.assert_array_equal(read_square(remote("B01"), SQUARE, 60), expected)
    file = remote("B02")
    assert file.size > 1 << 16
    server.faults = [("B02", "whole")]
    with pytest.raises(UnreachableError, match="B02.tif does not say which part of the file it sends"):
        file.read(1 << 16, 10)


def test_an_overview_is_small(remote, server):
    file = remote("B02")
    overview = read_overview(file, 90)
    assert overview.shape == (90, 90)
    assert sum(map(len, file._blocks.values())) < file.size
    assert read_overview(remote("B01"), 366).shape == (128, 128)  # never more than there is


def test_warping_onto_the_own_grid_changes_nothing_and_beyond_the_border_is_nan(remote, earth):
    pixels_of, _ = earth
    found = warp_square(remote("VV", "sentinel-1-rtc"), SQUARE, 10)
    expected = pixels_of("sentinel-1-rtc", 0, "VV")[72 : 72 + 264, 72 : 72 + 264]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    beyond = warp_square(remote("VV", "sentinel-1-rtc"), Square(32632, 598_680, 4_999_320), 10)
    assert np.isnan(beyond[:, :132]).all()
    assert np.isfinite(beyond[:, 132:]).all()


def test_threads_do_not_disturb_one_another(remote):
    bands = ["B01", "B05", "SCL", "B09"] * 6
    resolution = {"B01": 60, "B05": 20, "SCL": 20, "B09": 60}
    alone = {band: read_square(remote(band), SQUARE, resolution[band]) for band in resolution}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda band: read_square(remote(band), SQUARE, resolution[band]), bands))
    for band, pixels in zip(bands, found, strict=True):
        np.testing.assert_array_equal(pixels, alone[band])
