from datetime import date

import pytest

from eo_data.collect import CollectConfig


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"layout": "secco"}, "unknown layout 'secco'; nearest known: seco"),
        ({"source": "earthsearch"}, "unknown source 'earthsearch'; nearest known: earth-search"),
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"count": None}, "count says how many places to draw; places='cities' needs it"),
        ({"window_cloud": 10}, "window_cloud is a share between 0 and 1, got 10"),
        ({"products": ("s1",)}, "unknown product of layout seco 's1'; known: s2a"),
        (
            {"layout": "ssl4eo_s12", "products": ("s2",)},
            "unknown product of layout ssl4eo_s12 's2'; nearest known: s2c, s2a",
        ),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_the_way_out(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        CollectConfig(**{"output": tmp_path, "count": 1, **given})


def test_each_layout_has_its_authors_limit_of_clouds(tmp_path):
    assert CollectConfig(output=tmp_path, count=1).cloud_limit == 10
    assert CollectConfig(output=tmp_path, count=1, layout="ssl4eo_s12").cloud_limit == 20
    assert CollectConfig(output=tmp_path, count=1, max_cloud=0.0).cloud_limit == 0


def test_more_places_are_the_same_collection_and_another_seed_is_not(tmp_path):
    until = date(2021, 9, 22)
    one, more = (CollectConfig(output=tmp_path, count=count, workers=count) for count in (1, 5))
    other = CollectConfig(output=tmp_path, count=1, seed=1)
    assert one.identity(until) == more.identity(until) != other.identity(until)


def test_a_file_has_as_many_places_as_it_has(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("longitude,latitude\n10,45\n11,45\n12,45\n")
    assert len(list(CollectConfig(output=tmp_path, places=str(path)).all_places())) == 3
    assert len(list(CollectConfig(output=tmp_path, places=str(path), count=2).all_places())) == 2
    with pytest.raises(ValueError, match="mine.csv has 3 places, not 4; pass a smaller count or none"):
        CollectConfig(output=tmp_path, places=str(path), count=4).all_places()


@pytest.mark.parametrize("places", ["cities", "land"])
def test_random_places_are_as_many_as_asked(tmp_path, places):
    found = list(CollectConfig(output=tmp_path, places=places, count=3, draws=2).all_places())
    assert [(place.number, len(place.draws)) for place in found] == [(0, 2), (1, 2), (2, 2)]
