import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eo_data.sensors import SENSORS
from eo_data.synthetic import COVERS, scene
from eo_data.synthetic.scenes import check_products

DIGEST = """
import hashlib
from eo_data.synthetic import scene
digest = hashlib.sha256()
for season in scene(4, 11, 48).seasons:
    for bands in (season.s1, season.s2a, season.s2c):
        for plane in bands.values():
            digest.update(plane.tobytes())
digest = digest.hexdigest()
"""


@pytest.fixture(scope="module")
def many():
    return [scene(0, location, 48, products=["s1", "s2c"]) for location in range(60)]


def same(first, second):
    return all(np.array_equal(first[band], second[band]) for band in first.keys() | second.keys())


def test_bands_have_their_native_size_and_dtype():
    season = scene(0, 0, 24).seasons[0]
    assert tuple(season.s2c) == SENSORS["sentinel2-l1c"].band_names
    assert tuple(season.s2a) == SENSORS["sentinel2-l2a"].band_names
    assert tuple(season.s1) == ("VV", "VH")
    for band, plane in (season.s2c | season.s2a).items():
        side = 24 * 10 // SENSORS["sentinel2-l1c"].band(band).resolution
        assert (plane.shape, plane.dtype) == ((side, side), np.uint16)
    assert (season.s1["VV"].shape, season.s1["VV"].dtype) == ((24, 24), np.float32)
    assert (season.cover.shape, season.cover.dtype) == ((24, 24), np.uint8)


def test_what_else_is_made_changes_nothing():
    whole, part = scene(1, 7, 24), scene(1, 7, 24, seasons=2, products=["s2c"])
    assert [season.number for season in part.seasons] == [0, 2]
    for season, number in zip(part.seasons, (0, 2), strict=True):
        assert same(season.s2c, whole.seasons[number].s2c)
        assert season.date == whole.seasons[number].date
        assert season.s1_date == whole.seasons[number].s1_date
        assert season.s1 == season.s2a == {}


def test_another_process_with_another_number_of_threads_makes_the_same_bytes():
    here: dict[str, str] = {}
    exec(DIGEST, here)
    command = [sys.executable, "-c", f"{DIGEST}\nprint(digest)"]
    there = subprocess.run(command, capture_output=True, text=True, check=True, env={"OMP_NUM_THREADS": "1"})
    assert there.stdout.strip() == here["digest"]


@pytest.mark.parametrize("other", [(0, 8), (1, 7)])
def test_another_seed_or_location_is_another_place(other):
    assert not same(scene(0, 7, 12, seasons=1).seasons[0].s2c, scene(*other, 12, seasons=1).seasons[0].s2c)


def test_every_cover_is_somewhere(many):
    there = {int(cover) for made in many for season in made.seasons for cover in np.unique(season.cover)}
    assert there == set(range(len(COVERS)))


def test_covers_change_with_the_seasons_in_some_places(many):
    changed = [(made.seasons[0].cover != made.seasons[2].cover).mean() for made in many]
    assert 0.1 < np.mean(np.array(changed) > 0.05) < 0.9


def test_vegetation_is_greener_in_summer_than_in_winter(many):
    def greenness(season):
        red, infrared = (season.s2c[band].astype(float).mean() for band in ("B04", "B08"))
        return (infrared - red) / (infrared + red)

    north = [made for made in many if made.place.latitude > 40]
    assert np.mean([greenness(made.seasons[2]) - greenness(made.seasons[0]) for made in north]) > 0.1


def test_values_are_those_of_the_sensors(many):
    seasons = [season for made in many for season in made.seasons]
    assert 600 < np.mean([season.s2c["B02"].mean() for season in seasons]) < 2500
    assert -17 < np.mean([season.s1["VV"].mean() for season in seasons]) < -8
    assert all(-45 < plane.min() <= plane.max() < 25 for season in seasons for plane in season.s1.values())
    assert all(np.isfinite(plane).all() for season in seasons for plane in season.s1.values())


def test_true_colour_is_red_green_blue():
    season = scene(0, 3, 24, seasons=1).seasons[0]
    picture = season.rgb(white=5000)
    assert (picture.shape, picture.dtype) == ((24, 24, 3), np.uint8)
    assert abs(picture[..., 0] - np.minimum(season.s2c["B04"] * (255 / 5000), 255)).max() <= 1


def test_the_corner_lies_on_the_grid_of_60_m_in_the_right_zone(many):
    for made in many:
        assert made.epsg // 100 == (327 if made.place.latitude < 0 else 326)
        assert 1 <= made.epsg % 100 <= 60
        assert made.origin[0] % 60 == made.origin[1] % 60 == 0
        assert 100_000 < made.origin[0] < 900_000


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**40), st.integers(0, 10**7), st.integers(1, 8))
def test_any_seed_and_location_work(seed, location, sixth):
    season = scene(seed, location, 6 * sixth, seasons=1).seasons[0]
    assert season.cover.max() < len(COVERS)
    assert all(plane.min() >= 1 for plane in season.s2c.values())
    assert np.isfinite(season.s1["VH"]).all()


@pytest.mark.parametrize("size", [0, 64, -6])
def test_size_must_be_a_multiple_of_6(size):
    with pytest.raises(ValueError, match=f"size must be a multiple of 6.*got {size}"):
        scene(0, 0, size)


def test_unknown_products_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match="unknown product 's2'; nearest known: s2"):
        scene(0, 0, 12, products=["s2"])
    with pytest.raises(ValueError, match="products must name at least one of s1, s2a, s2c"):
        check_products([])


def test_negative_locations_are_refused():
    with pytest.raises(ValueError, match="seed and location must be at least 0"):
        scene(0, -1, 12)
