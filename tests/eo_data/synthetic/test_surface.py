from dataclasses import replace

import numpy as np
import pytest

from eo_data.synthetic.materials import MATERIALS
from eo_data.synthetic.places import BARE, CROPS, GRASS, SNOW, TREES, WATER
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.seasons import draw_season
from eo_data.synthetic.surface import draw_surface

ALL = ("trees", "grass", "flooded", "crops", "shrub", "built", "bare")


def share(surface, *materials):
    return sum(surface.shares[MATERIALS.index(material)] for material in materials).mean()


@pytest.fixture
def year(place_of, land_of):
    """(covers, changes) -> the surfaces of four seasons."""

    def make(*covers, size=48, snowfall=1.0, **changes):
        place = place_of(*covers, **changes)
        land = land_of(place, size)
        seasons = [replace(draw_season(generator(n), place, n), snowfall=snowfall) for n in range(4)]
        return [draw_surface(place, land, season) for season in seasons]

    return make


@pytest.mark.parametrize("aridity", [0.0, 1.0])
def test_shares_add_up_to_one(year, aridity):
    for surface in year(*ALL, aridity=aridity, rivers=(3.0,), roads=(2.0,), lakes=-0.5, size=96):
        np.testing.assert_allclose(surface.shares.sum(axis=0), 1, atol=1e-5)
        assert surface.shares.min() >= 0


def test_a_cold_winter_turns_open_ground_to_snow_but_not_the_forest(year):
    winter, _, summer, _ = year("trees", "grass", warmth=2.0)
    assert set(np.unique(winter.cover)) == {TREES, SNOW}
    assert set(np.unique(summer.cover)) == {TREES, GRASS}
    assert share(winter, "snow") > 0.2 > share(summer, "snow") == 0


def test_without_snowfall_there_is_no_snow(year):
    assert share(year("grass", warmth=-5.0, snowfall=0.0)[0], "snow") == 0


def test_leaves_fall_in_winter(year):
    winter, _, summer, _ = year("trees", conifers=0.0, warmth=20.0)
    assert share(summer, "broadleaf") > 0.6 > 0.2 > share(winter, "broadleaf")


def test_each_field_has_its_own_calendar(year):
    _, _, june, september = year("crops", crop_shares=(0.5, 0.5, 0.0, 0.0), orchards=0.0)
    green = MATERIALS.index("herb")
    assert (june.cover == CROPS).all()
    assert june.shares[green].std() > 0.15
    assert abs(june.shares[green] - september.shares[green]).mean() > 0.15


def test_lakes_shrink_in_autumn_and_leave_mud(year):
    _, spring, _, autumn = year("grass", lakes=0.0, size=96)
    assert (spring.cover == WATER).sum() > (autumn.cover == WATER).sum()
    assert (autumn.cover == BARE).any()
    assert not (spring.cover == BARE).any()
