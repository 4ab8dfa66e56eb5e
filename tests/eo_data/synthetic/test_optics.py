from dataclasses import replace

import numpy as np
import pytest

from eo_data.sensors import SENSORS
from eo_data.synthetic.materials import MATERIALS, REFLECTANCE
from eo_data.synthetic.optics import draw_sky, level_1c, level_2a, place_signature, reflectance, sunlight
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.seasons import draw_season


@pytest.fixture
def season(place_of):
    return draw_season(generator(2), place_of("grass"), 2)


@pytest.fixture
def clear(season):
    return draw_sky(generator(0), season, 24, cloudiness=0.0)


def pure(material):
    shares = np.zeros((len(MATERIALS), 24, 24), np.float32)
    shares[MATERIALS.index(material)] = 1
    return shares


def test_level_1c_has_13_bands_at_native_size_and_level_2a_lacks_b10(clear):
    ground = np.full((12, 24, 24), 0.2, np.float32)
    level1, level2 = level_1c(generator(0), ground, clear), level_2a(generator(0), ground, clear)
    assert tuple(level1) == SENSORS["sentinel2-l1c"].band_names
    assert tuple(level2) == SENSORS["sentinel2-l2a"].band_names
    assert {level1[band].shape for band in ("B02", "B03", "B04", "B08")} == {(24, 24)}
    assert {level1[band].shape for band in ("B05", "B06", "B07", "B8A", "B11", "B12")} == {(12, 12)}
    assert {level1[band].shape for band in ("B01", "B09", "B10")} == {(4, 4)}
    assert {plane.dtype for plane in (*level1.values(), *level2.values())} == {np.dtype(np.uint16)}


def test_air_brightens_blue_and_dims_the_water_vapour_band(clear):
    ground = np.full((12, 24, 24), 0.03, np.float32)
    level1, level2 = level_1c(generator(0), ground, clear), level_2a(generator(0), ground, clear)
    assert level1["B02"].mean() > level2["B02"].mean() + 300
    assert abs(level1["B12"].mean() - level2["B12"].mean()) < 120
    assert level1["B09"].mean() < 0.7 * level2["B09"].mean()
    assert level1["B10"].mean() < 40


def test_a_digital_number_is_a_ten_thousandth(clear):
    plain = replace(clear, gain=np.ones(12, np.float32), residual=np.zeros(12, np.float32))
    level2 = level_2a(generator(0), np.full((12, 24, 24), 0.25, np.float32), plain)
    assert level2["B04"].mean() == pytest.approx(2500, abs=10)
    assert 5 < level2["B04"].std() < 40


def test_slopes_that_face_the_sun_are_bright(place_of, land_of, season):
    land = land_of(place_of("grass", relief=300.0))
    flat = replace(land, height=np.zeros_like(land.height))
    np.testing.assert_allclose(sunlight(flat, season), 1, rtol=1e-5)
    ramp = np.outer(np.ones(48), np.arange(48) * 4).astype(np.float32)  # rises to the east, faces west
    morning = replace(season, sun_azimuth=90.0, sun_elevation=40.0)
    assert sunlight(replace(land, height=ramp), morning).max() < 0.75
    assert sunlight(replace(land, height=-ramp), morning).min() > 1.2


@pytest.mark.parametrize("seed", range(6))
def test_cloud_is_bright_and_its_shadow_dark(season, seed):
    sky = draw_sky(generator(seed), season, 96, cloudiness=1.0)
    shares = np.zeros((len(MATERIALS), 96, 96), np.float32)
    shares[MATERIALS.index("herb")] = 1
    red = reflectance(REFLECTANCE, shares, np.ones((96, 96), np.float32), sky)[3]
    assert 0 <= sky.cloud.min() <= sky.cloud.max() <= 1
    hidden, shaded = sky.cloud > 0.9, sky.shadow > 0.9
    assert not hidden.any() or red[hidden].min() > 0.4
    assert not shaded.any() or red[shaded & (sky.cloud < 0.01)].mean() < 0.02


def test_cloud_comes_as_often_as_asked(season):
    cloudy = [draw_sky(generator(seed), season, 24, cloudiness=0.25).cloud.any() for seed in range(200)]
    assert 0.12 < np.mean(cloudy) < 0.38


def test_no_two_places_have_the_same_materials():
    first, second = place_signature(generator(0)), place_signature(generator(1))
    assert 0.05 < abs(np.log(first / second)).mean() < 0.5
    assert first.max() < 1


def test_clean_ground_keeps_its_reflectance(clear):
    ground = reflectance(REFLECTANCE, pure("herb"), np.ones((24, 24), np.float32), clear)
    np.testing.assert_allclose(ground[:, 5, 5], REFLECTANCE[MATERIALS.index("herb")], rtol=1e-4)
