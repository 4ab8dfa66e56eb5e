from dataclasses import replace

import numpy as np
import pytest

from eo_data.synthetic.radar import backscatter
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.seasons import draw_season
from eo_data.synthetic.surface import draw_surface


@pytest.fixture
def image(place_of, land_of):
    """(cover, changes) -> VV and VH in summer."""

    def make(cover, **changes):
        place = place_of(cover, **changes)
        land = land_of(place)
        return backscatter(generator(1), land, draw_surface(place, land, draw_season(generator(2), place, 2)))

    return make


@pytest.mark.parametrize("cover", ["trees", "grass", "crops", "built", "bare", "flooded"])
def test_backscatter_is_plausible(image, cover):
    radar = image(cover)
    assert {plane.dtype for plane in radar.values()} == {np.dtype(np.float32)}
    assert -22 < radar["VV"].mean() < -1
    assert radar["VV"].mean() - 13 < radar["VH"].mean() < radar["VV"].mean() - 4
    assert 1 < radar["VV"].std() < 8  # speckle


def test_water_is_dark_and_towns_are_bright(image):
    water, trees, town = image("grass", sea=2.0), image("trees"), image("built")
    assert water["VV"].mean() < trees["VV"].mean() - 5
    brightest = [np.quantile(radar["VV"], 0.95) for radar in (trees, town)]
    assert brightest[0] + 3 < brightest[1]
    assert trees["VV"].mean() < town["VV"].mean()


def test_slopes_toward_the_radar_are_bright(place_of, land_of):
    place = place_of("grass")
    land = land_of(place)
    ramp = np.outer(np.ones(48), np.arange(48) * 4).astype(np.float32)
    season = draw_season(generator(2), place, 2)
    east, west = (
        backscatter(generator(1), tilted, draw_surface(place, tilted, season))["VV"].mean()
        for tilted in (replace(land, height=ramp), replace(land, height=-ramp + ramp.max()))
    )
    assert abs(east - west) > 4
