from dataclasses import replace

import numpy as np
import pytest

from eo_data.synthetic.places import draw_place
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.seasons import draw_season, season_numbers


@pytest.fixture
def place():
    return replace(draw_place(generator(0)), latitude=48.0, warmth=10.0, aridity=0.4, altitude=0.0)


def seasons(place):
    return [draw_season(generator(number), place, number) for number in range(4)]


def test_the_four_dates_are_in_order_and_near_solstice_or_equinox(place):
    dates = [season.date for season in seasons(place)]
    assert dates == sorted(dates)
    assert [date.month for date in dates] in ([12, 3, 6, 9], [1, 3, 6, 9], [1, 4, 6, 9]) or len(set(dates)) == 4
    assert [date.year for date in dates[1:]] == [2021, 2021, 2021]


def test_leaves_are_out_in_summer_and_half_a_year_later_in_the_south(place):
    north = [season.leaf for season in seasons(place)]
    south = [season.leaf for season in seasons(replace(place, latitude=-45.0))]
    assert north[2] == south[0] == 1
    assert north[0] == south[2] == 0


def test_the_tropics_stay_green(place):
    assert min(season.leaf for season in seasons(replace(place, latitude=5.0, warmth=26.0))) > 0.9


def test_height_and_winter_are_cold(place):
    winter, _, summer, _ = seasons(place)
    ground = np.array([[0, 1000]], np.float32)
    assert (winter.temperature(place, ground) < summer.temperature(place, ground) - 15).all()
    low, high = summer.temperature(place, ground)[0]
    assert low - high == pytest.approx(6.5)


@pytest.mark.parametrize(("count", "numbers"), [(1, [2]), (2, [0, 2]), (3, [0, 2, 3]), (4, [0, 1, 2, 3])])
def test_fewer_seasons_are_a_part_of_more(count, numbers):
    assert season_numbers(count) == numbers


@pytest.mark.parametrize("count", [0, 5])
def test_other_counts_are_refused(count):
    with pytest.raises(ValueError, match=f"seasons must be 1, 2, 3 or 4, got {count}"):
        season_numbers(count)
