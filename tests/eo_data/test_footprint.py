import struct

import pytest

from eo_data import footprint_wkb


def points(wkb):
    order, kind, rings, count = struct.unpack_from("<BIII", wkb)
    assert (order, kind, rings, len(wkb)) == (1, 3, 1, 13 + 16 * count)
    return list(struct.iter_unpack("<dd", wkb[13:]))


def test_a_box_in_degrees_stays_as_it_is():
    ring = points(footprint_wkb([10.0, 50.0, 11.0, 51.0], "EPSG:4326"))
    assert [tuple(round(value, 9) for value in point) for point in ring] == [
        (10, 50),
        (11, 50),
        (11, 51),
        (10, 51),
        (10, 50),
    ]


def test_utm_becomes_longitude_and_latitude():
    ring = points(footprint_wkb([500_000.0, 5_000_000.0, 502_640.0, 5_002_640.0], "EPSG:32632"))
    assert ring[0] == ring[-1]
    assert ring[0] == pytest.approx((9.0, 45.1535), abs=1e-3)  # the zone's central meridian
    assert 0.02 < ring[2][1] - ring[0][1] < 0.03


def test_no_polygon_across_the_antimeridian():
    assert footprint_wkb([800_000.0, 5_000.0, 900_000.0, 10_000.0], "EPSG:32660") is None


def test_unknown_systems():
    with pytest.raises(ValueError, match="no footprint in the coordinate system 'EPSG:1'"):
        footprint_wkb([0, 0, 1, 1], "EPSG:1")
