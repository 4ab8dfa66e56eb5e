from dataclasses import asdict

import numpy as np
import pytest

from eo_data.synthetic.places import COVERS, draw_place
from eo_data.synthetic.randomness import generator


@pytest.fixture(scope="module")
def places():
    return [draw_place(generator(0, location, "place")) for location in range(300)]


def test_places_are_spread_over_the_earth(places):
    latitudes = np.array([place.latitude for place in places])
    assert latitudes.min() > -46
    assert latitudes.max() < 67
    assert 0.1 < (latitudes < 0).mean() < 0.4


def test_shares_add_up_to_one(places):
    for place in places:
        assert sum(place.soils) == pytest.approx(1)
        assert sum(place.crop_shares) == pytest.approx(1)
        assert min(place.conifers, place.gardens, place.tiles, place.turbidity, place.aridity) >= 0
        assert max(place.conifers, place.gardens, place.tiles, place.turbidity, place.aridity) <= 1


def test_the_north_is_colder_than_the_tropics(places):
    tropics = [place.warmth for place in places if abs(place.latitude) < 20]
    north = [place.warmth for place in places if place.latitude > 50]
    assert np.mean(tropics) > np.mean(north) + 12


def test_a_place_has_an_affinity_for_every_cover_and_is_made_of_plain_numbers(places):
    assert all(len(place.affinity) == len(COVERS) == 9 for place in places)
    assert {type(value) for value in asdict(places[0]).values()} <= {float, bool, tuple}
