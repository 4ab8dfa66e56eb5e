import numpy as np
import pytest

from eo_data.synthetic.landscape import slopes
from eo_data.synthetic.places import BARE, BUILT, CROPS, FLOODED, GRASS, SHRUB, TREES, WATER


@pytest.mark.parametrize(
    ("cover", "number"),
    [("trees", TREES), ("grass", GRASS), ("flooded", FLOODED), ("crops", CROPS), ("shrub", SHRUB), ("built", BUILT),
     ("bare", BARE)],
)  # fmt: skip
def test_a_cover_without_rivals_takes_the_ground(place_of, land_of, cover, number):
    assert (land_of(place_of(cover)).cover == number).mean() > 0.95


def test_covers_share_the_ground_and_blend_where_they_are_wild(place_of, land_of):
    land = land_of(place_of("trees", "grass", "shrub"), 96)
    assert len(np.unique(land.cover)) == 3
    np.testing.assert_allclose(land.blend.sum(axis=0), 1, rtol=1e-5)


def test_a_river_has_its_width_and_lies_in_a_valley(place_of, land_of):
    land = land_of(place_of("grass", rivers=(9.0,), relief=200.0), 96)
    assert 5 * 96 < (land.cover == WATER).sum() < 25 * 96
    assert land.height[land.cover == WATER].mean() < 0.3 * land.height.mean()


def test_the_sea_takes_its_share(place_of, land_of):
    assert (land_of(place_of("grass", sea=2.0)).cover == WATER).all()
    assert not (land_of(place_of("grass", sea=-2.0)).cover == WATER).any()


def test_a_wide_road_is_built_and_a_lane_is_not(place_of, land_of):
    highway, lane = (land_of(place_of("grass", roads=(width,))) for width in (2.4, 0.6))
    assert (highway.cover == BUILT).any()
    assert not (lane.cover == BUILT).any()
    assert 0.3 < lane.road.max() <= 0.6


def test_fields_are_whole(place_of, land_of):
    land = land_of(place_of("crops", "grass"), 96)
    for field in np.unique(land.farm.cells.ids)[:40]:
        assert len(np.unique(land.cover[land.farm.cells.ids == field] == CROPS)) == 1


def test_watered_circles_leave_their_corners_wild(place_of, land_of):
    land = land_of(place_of("crops", pivots=True), 96)
    assert 0.5 < (land.cover == CROPS).mean() < 0.85  # a disc is 0.79 of its square


def test_trees_end_where_summers_are_cold(place_of, land_of):
    place = place_of("trees", "bare")
    low, high = (land_of(place_of("trees", "bare", altitude=altitude)) for altitude in (0.0, 2600.0))
    assert place.warmth == 11.0
    assert (low.cover == TREES).mean() > (high.cover == TREES).mean() + 0.3


def test_slopes_are_rise_per_metre():
    height = np.add.outer(np.arange(5) * 20, np.arange(5) * 10).astype(np.float32)
    south, east = slopes(height)
    np.testing.assert_allclose((south, east), (np.full((5, 5), 2), np.full((5, 5), 1)))
