import pytest

from eo_data import SENSORS, STATISTICS, EuroSAT, compute_statistics
from eo_data.statistics import statistics_for

BANDS = {band for sensor in SENSORS.values() for band in sensor.band_names}


@pytest.mark.parametrize("name", STATISTICS)
def test_every_table_is_keyed_by_canonical_names(name):
    table = STATISTICS[name]
    assert table["mean"].keys() == table["std"].keys()
    assert table["mean"].keys() <= BANDS
    assert all(std > 0 for std in table["std"].values())


def test_tables_cannot_be_replaced():
    with pytest.raises(TypeError):
        STATISTICS["eurosat-ms"] = STATISTICS["eurosat-rgb"]


def test_values_of_the_publications():
    assert STATISTICS["ssl4eo-s12-l1c"]["mean"]["B10"] == 22.10351321
    assert STATISTICS["ssl4eo-s12-l1c"]["std"]["B8A"] == 1345.52684884
    assert STATISTICS["ssl4eo-s12-l2a"]["mean"]["B09"] == 2645.51888987
    assert STATISTICS["ssl4eo-s12-s1"] == {
        "mean": {"VV": -12.54847273, "VH": -20.19237134},
        "std": {"VV": 5.25697717, "VH": 5.91150917},
    }
    assert STATISTICS["eurosat-ms-softcon-authors"]["std"]["B10"] == 98.26600935
    assert STATISTICS["imagenet-rgb"]["mean"]["G"] == pytest.approx(0.456 * 255)


def test_eurosat_b8a_is_the_near_infrared_and_b09_the_water_vapour():
    mean = STATISTICS["eurosat-ms"]["mean"]
    assert mean["B8A"] > 2000 > 1000 > mean["B09"] > 100 > mean["B10"]
    authors = STATISTICS["eurosat-ms-softcon-authors"]["mean"]
    assert {band: round(authors[band] / value) for band, value in mean.items()} == dict.fromkeys(mean, 1)


def test_an_unknown_table_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="unknown statistics 'eurosat_rgb'; nearest known: eurosat-rgb"):
        statistics_for("eurosat_rgb")


def test_real_pictures_have_the_published_statistics(real_data):
    found = compute_statistics(EuroSAT(real_data / "eurosat_rgb", "train"), samples=1500)
    for kind in ("mean", "std"):
        for band, value in STATISTICS["eurosat-rgb"][kind].items():
            assert found[kind][band] == pytest.approx(value, rel=0.05)


def test_real_13_band_images_have_the_published_statistics(real_data):
    found = compute_statistics(EuroSAT(real_data / "eurosat_ms", "train", images="ms"))
    for band, value in STATISTICS["eurosat-ms"]["mean"].items():
        assert found["mean"][band] == pytest.approx(value, rel=0.04)
        assert found["std"][band] == pytest.approx(STATISTICS["eurosat-ms"]["std"][band], rel=0.2)
