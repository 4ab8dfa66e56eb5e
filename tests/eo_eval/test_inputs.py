import pytest
import torch

from eo_data import DFC2020, Normalize, normalization_for
from eo_eval import Setup, evaluate, evaluate_datasets
from eo_eval.features import extract_features
from eo_eval.inputs import open_inputs

QUICK = Setup(bootstrap=20, knn_k=5)
BANDS = {"s1": ["VV", "VH"], "s2": ["B04", "B08"]}


def test_two_sensors_are_normalized_each_by_its_own_steps(tiny_pair, dfc2020):
    model = tiny_pair().eval()
    dataset = DFC2020(dfc2020, "validation", bands=BANDS)
    found = extract_features(model, dataset, batch_size=7)
    pixels = {key: torch.stack([dataset[i][key] for i in range(len(dataset))]) for key in ("s1", "s2")}
    wanted = {key: Normalize(normalization_for("sen12ms"), BANDS[key])(of) for key, of in pixels.items()}
    torch.testing.assert_close(found.x, model(wanted))
    assert found.y.tolist() == [int(dataset[i]["label"]) for i in range(len(dataset))]
    assert found.facts["bands"] == BANDS
    assert found.facts["data_sensor"] == {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}
    assert found.facts["normalization_from"] == "dataset"


def test_bands_of_each_sensor_are_matched_by_name(tiny_pair, dfc2020):
    turned = DFC2020(dfc2020, "test", bands={"s2": ["B08", "B04", "B02"]})
    with pytest.raises(ValueError, match="tiny takes B04 B08, the data has B08 B04 B02; pass select_bands=True"):
        extract_features(tiny_pair(), turned)
    torch.testing.assert_close(
        extract_features(tiny_pair(), turned, select_bands=True).x,
        extract_features(tiny_pair(), DFC2020(dfc2020, "test", bands=BANDS)).x,
    )


def test_a_sensor_that_a_data_set_lacks_is_named(tiny_pair, samples):
    lone = samples([{"s2": torch.rand(2, 4, 4), "label": torch.tensor(0)}], parts={}, bands=("B04", "B08"))
    with pytest.raises(ValueError, match="unknown band 'B04' of sentinel1-grd"):
        extract_features(tiny_pair(), lone)


def test_images_whose_commonest_class_is_none_are_left_out(tiny_pair, dfc2020):
    dataset = DFC2020(dfc2020, "test", bands=BANDS)
    read = dataset.read

    def without_a_class(index):
        sample = read(index)
        return sample | ({"label": torch.tensor(255), "labelled": torch.tensor(False)} if index < 3 else {})

    dataset.read = without_a_class
    found = extract_features(tiny_pair(), dataset, unlabelled="drop")
    assert len(found) == 13
    assert found.facts["unlabelled_left_out"] == 3


def test_published_steps_by_name_serve_both_sensors(tiny_pair, dfc2020):
    dataset = DFC2020(dfc2020, "test", bands=BANDS)
    inputs = open_inputs(tiny_pair(), dataset, image_size=None, bands=None, select_bands=False,
                         normalization=normalization_for("ssltransformerrs"))  # fmt: skip
    for each in inputs:
        x = each(dataset[0][each.key][None], torch.device("cpu"))
        assert x.amax() == pytest.approx(1, abs=1e-4)


def test_benchmarks_of_one_sensor_and_both(tiny, tiny_pair, dfc2020):
    radar = tiny(("VV", "VH"), "sentinel1-grd")
    radar.normalization = None
    for model, sensor in ((radar, "sentinel1-grd"), (tiny_pair(), "s1: sentinel1-grd; s2: sentinel2-l1c")):
        rows = evaluate(model, "dfc2020", dfc2020, setup=QUICK).rows
        assert [row["metric_name"] for row in rows] == ["average_accuracy", "accuracy", "macro_F1"]
        assert (rows[0]["n_train"], rows[0]["n_test"], rows[0]["n_val"], rows[0]["split"]) == (32, 16, 0, "test")
        assert (rows[0]["sensor"], rows[0]["c_chosen_on"]) == (sensor, "5-fold cross-validation")
        assert rows[0]["metric_value"] > 0.3
    assert rows[0]["bands"] == "s1: VV,VH; s2: B04,B08"
    (first, *_) = evaluate(tiny_pair(), "dfc2020_multilabel", dfc2020, method="knn", setup=QUICK).rows
    assert (first["metric_name"], first["metric_value"] > 0.2) == ("macro_F1", True)


def test_meterml_averages_over_the_six_types(tiny_pair, meterml):
    model = tiny_pair()
    found = evaluate(model, "meterml", meterml, split="val", method="knn", setup=QUICK)
    score, rows = found.scores["knn"], {row["metric_name"]: row["metric_value"] for row in found.rows}
    positive = score.y != 3
    right = score.scores.argmax(1) == score.y
    assert rows["accuracy"] == pytest.approx(float(right[positive].double().mean()))
    by_class = torch.stack([right[score.y == k].double().mean() for k in (0, 1, 2, 4, 5, 6)])
    assert rows["average_accuracy"] == pytest.approx(float(by_class.mean()))
    assert 0 < rows["macro_AUPRC"] <= 1


def test_label_fractions_of_pairs(tiny_pair, dfc2020):
    sets = [DFC2020(dfc2020, split, bands=BANDS) for split in ("validation", "test")]
    (row,) = evaluate_datasets(tiny_pair(), *sets, setup=Setup(bootstrap=20, fraction=0.25)).rows
    assert (row["n_train"], row["label_fraction"]) == (8, 0.25)
