import numpy as np
import pytest

from eo_data.synthetic.places import BARE, BUILT, GRASS, SHRUB, TREES
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.seasons import draw_season
from eo_data.synthetic.sight import PLAIN, Sight, surface_through
from eo_data.synthetic.surface import draw_surface


def test_a_plain_sight_is_what_is_there(place_of, land_of):
    place = place_of("trees", "shrub")
    season = draw_season(generator(1), place, 2)
    np.testing.assert_array_equal(surface_through(PLAIN, place, land_of(place), season).shares,
                                  draw_surface(place, land_of(place), season).shares)  # fmt: skip


def test_a_cover_taken_for_another_cannot_be_told_from_it(place_of, land_of):
    place = place_of("trees", "shrub", "grass")
    land, season = land_of(place), draw_season(generator(1), place, 2)
    assert {TREES, SHRUB} <= set(np.unique(land.cover))
    found = surface_through(Sight(alike={SHRUB: TREES}), place, land, season)
    assert SHRUB not in found.cover
    assert (found.cover[land.cover == GRASS] == GRASS).all()
    assert TREES in found.cover
    assert SHRUB in land.cover  # the ground itself stays
    np.testing.assert_allclose(found.shares.sum(axis=0), 1, atol=1e-5)


def test_covers_that_their_shape_gives_away_cannot_be_hidden(place_of, land_of):
    place = place_of("trees")
    season = draw_season(generator(1), place, 2)
    with pytest.raises(AssertionError, match="6: 7"):
        surface_through(Sight(alike={BUILT: BARE}), place, land_of(place), season)
