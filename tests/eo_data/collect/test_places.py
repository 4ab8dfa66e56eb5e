import math
from itertools import combinations

import numpy as np
import pytest

from eo_data.collect import places
from eo_data.collect.places import (
    APART_KM,
    is_land,
    km_to_degrees,
    listed_places,
    on_land,
    random_places,
    read_cities,
    round_cities,
)


def kilometres(a, b):
    def in_space(point):
        east, north = math.radians(point.longitude), math.radians(point.latitude)
        return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)

    return 6371 * math.dist(in_space(a), in_space(b))


def test_a_distance_in_degrees_is_that_of_the_authors():
    assert km_to_degrees(50) == pytest.approx(0.4496608029593653, abs=1e-6)  # conformance: km_to_degrees


def test_cities_are_ten_thousand_and_the_greatest_come_first():
    cities = read_cities()
    assert cities.shape == (10_000, 2)
    np.testing.assert_allclose(cities[0], [121.4581, 31.2222])  # Shanghai
    assert (np.abs(cities) <= [180, 90]).all()


def test_places_round_cities_are_spread_as_asked():
    rng = np.random.default_rng(0)
    points = np.array([round_cities(50)(rng) for _ in range(300)])
    nearest = [np.abs(read_cities() - point).max(axis=1).min() for point in points]
    assert max(nearest) < 4 * km_to_degrees(50)
    assert np.mean(nearest) > 0.05 * km_to_degrees(50)


@pytest.mark.parametrize(
    ("name", "longitude", "latitude", "land"),
    [
        ("Vienna", 16.37, 48.21, True),
        ("Alice Springs", 133.87, -23.70, True),
        ("Manaus", -60.02, -3.12, True),
        ("Atlantic", -30.0, 0.0, False),
        ("Caspian Sea", 51.0, 41.5, False),
        ("Pacific at the date line", 180.0, 0.0, False),
        ("Chukotka, beyond the date line", -179.0, 68.0, True),
    ],
)
def test_land_is_told_from_water(name, longitude, latitude, land):
    assert is_land(longitude, latitude) is land, name


def test_places_on_land_are_uniform_on_the_sphere():
    rng = np.random.default_rng(0)
    points = np.array([on_land(rng) for _ in range(400)])
    assert all(is_land(*point) for point in points)
    assert points[:, 1].min() > -56
    north = (points[:, 1] > 0).mean()
    assert 0.66 < north < 0.82  # two thirds of all land; without Antarctica three quarters


@pytest.mark.parametrize("sampler", [on_land, round_cities(50)])
def test_a_place_depends_on_the_seed_and_its_number_alone(sampler):
    few, many = (list(random_places(count, seed=7, draws=2, sampler=sampler)) for count in (5, 12))
    assert many[:5] == few
    other = list(random_places(5, seed=8, draws=2, sampler=sampler))
    assert not {point for place in other for point in place.draws} & {point for place in few for point in place.draws}
    assert all(0 <= point.shift < 365 for place in many for point in place.draws)


def test_no_draw_overlaps_any_draw_of_another_place():
    def sampler(rng):  # within 40 km of one point, so that many overlap
        return 10 + rng.uniform(0, 0.5), 45 + rng.uniform(0, 0.36)

    found = list(random_places(60, seed=0, draws=3, sampler=sampler))
    tried = [(place.number, point) for place in found for point in place.draws]
    apart = [kilometres(a, b) for (i, a), (j, b) in combinations(tried, 2) if i != j]
    assert min(apart) >= APART_KM
    full = [place for place in found if not place.draws]
    assert full
    assert all(place.overlaps is not None for place in full)


def test_longitudes_stay_on_earth(monkeypatch):
    monkeypatch.setattr(places, "read_cities", lambda: np.array([[179.99, 0.0]]))
    rng = np.random.default_rng(1)
    longitudes = [round_cities(50)(rng)[0] for _ in range(50)]
    assert min(longitudes) < -179
    assert max(longitudes) > 179


def test_rows_of_a_file_are_places_unless_they_overlap_earlier_ones(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("name,latitude,longitude\na,45,10\nb,45.01,10.01\nc,46,10\nd,46.01,10\n")
    found = list(listed_places(path, seed=0))
    assert [(place.number, place.overlaps) for place in found] == [(0, None), (1, 0), (2, None), (3, 2)]
    assert found[2].draws[0][:2] == (10, 46)
    assert found == list(listed_places(path, seed=0))
    assert [place.draws[0].shift for place in found] != [place.draws[0].shift for place in listed_places(path, seed=1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lon,lat\n10,45\n", "mine.csv line 2 needs numbers as longitude and latitude"),
        ("longitude,latitude\n10,45\n10,north\n", "mine.csv line 3 needs numbers"),
        ("longitude,latitude\n10,91\n", "mine.csv line 2 is no place on Earth: longitude 10.0, latitude 91.0"),
    ],
)
def test_a_file_that_lists_no_places_is_refused(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        list(listed_places(path, seed=0))
    with pytest.raises(FileNotFoundError, match="no file of places at .*citties; pass cities, land, or a CSV"):
        list(listed_places(tmp_path / "citties", seed=0))
