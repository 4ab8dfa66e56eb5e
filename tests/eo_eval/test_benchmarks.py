from types import MappingProxyType

import pytest

from eo_data import SENSORS
from eo_eval.benchmarks import BENCHMARKS, PAIR, all_bands, by_sensor, get_benchmark
from eo_eval.metrics import METRICS


def test_every_benchmark_is_consistent():
    assert isinstance(BENCHMARKS, MappingProxyType)
    for name, task in BENCHMARKS.items():
        assert task.name == name
        assert {name for sensor in task.sensors for name in sensor.split("+")} <= SENSORS.keys()
        assert set(task.splits) <= {"val", "test"}
        usual = "accuracy" if task.task == "multiclass" else "micro_mAP"
        assert task.metric == (task.metrics[0] if task.metrics else usual)
        assert set(task.metrics) <= METRICS.keys()


def test_eurosat_is_read_with_the_bands_of_the_model(eurosat):
    dataset = get_benchmark("eurosat").load(eurosat, "val", sensor="rgb", bands=("B", "R"))
    assert dataset.bands == ("B", "R")
    assert len(dataset) == 20


@pytest.mark.parametrize(("sensor", "bands"), [("sentinel2-l1c", ("B04", "B8A")), ("sentinel1-grd", ("VV", "VH"))])
def test_places_are_read_with_the_seasons_that_there_are(places, sensor, bands):
    dataset = get_benchmark("ssl4eo_s12_ml").load(places, "train", sensor=sensor, bands=bands)
    assert dataset[0]["image"].shape == (2, 2, *dataset[0]["image"].shape[2:])
    assert dataset[0]["label"].shape == (2, 9)


def test_messages(tmp_path):
    with pytest.raises(ValueError, match="unknown benchmark 'eurosta'; nearest known: eurosat"):
        get_benchmark("eurosta")
    task = get_benchmark("ssl4eo_s12_ml")
    with pytest.raises(ValueError, match="ssl4eo_s12_ml has no images of rgb; it has sentinel2-l1c, sentinel2-l2a, s"):
        task.load(tmp_path, "val", sensor="rgb", bands=("R",))
    with pytest.raises(FileNotFoundError, match="no folder .*val; expected .*/train and .*/val, each an SSL4EO-S12"):
        task.load(tmp_path, "val", sensor="sentinel2-l1c", bands=("B04",))
    (tmp_path / "val").mkdir()
    with pytest.raises(FileNotFoundError, match="no SSL4EO-S12 locations"):
        task.load(tmp_path, "val", sensor="sentinel2-l1c", bands=("B04",))
    with pytest.raises(ValueError, match="eurosat can be scored on test or val, got split 'train'"):
        get_benchmark("eurosat").check_split("train")
    assert get_benchmark("eurosat").check_split(None) == "test"


def test_all_bands():
    assert all_bands("rgb") == ("R", "G", "B")
    assert len(all_bands("sentinel2-l1c")) == 13
    assert {key: len(bands) for key, bands in all_bands(PAIR).items()} == {"s1": 2, "s2": 13}
    assert by_sensor(PAIR) == {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}


@pytest.mark.parametrize("name", ["dfc2020", "dfc2020_multilabel"])
def test_dfc2020_learns_from_validation_with_one_sensor_or_both(dfc2020, name):
    task = get_benchmark(name)
    train = task.load(dfc2020, "train", sensor="sentinel1-grd", bands=("VH",))
    assert (train.split, train[0]["image"].shape[0]) == ("validation", 1)
    both = task.load(dfc2020, "test", sensor=by_sensor(PAIR), bands={"s1": ("VV",), "s2": ("B04", "B08")})
    assert (both.split, both[0]["s1"].shape[0], both[0]["s2"].shape[0]) == ("test", 1, 2)
    assert both[0]["label"].shape == (() if name == "dfc2020" else (8,))


def test_meterml_is_read_with_the_bands_of_the_model(meterml):
    task = get_benchmark("meterml")
    assert task.load(meterml, "val", sensor=by_sensor(PAIR), bands=all_bands(PAIR))[0]["s2"].shape[0] == 13
    assert task.load(meterml, "val", sensor="sentinel2-l1c", bands=("B04",))[0]["image"].shape[0] == 1
