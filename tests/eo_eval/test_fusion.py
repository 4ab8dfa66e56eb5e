"""Fusion helps where it should and only there: on the synthetic sets made for that."""

import pytest

from eo_data import SENSORS, synthetic
from eo_eval import Setup, evaluate

S1, S2 = SENSORS["sentinel1-grd"].band_names, SENSORS["sentinel2-l1c"].band_names


def accuracies(tiny, tiny_pair, root):
    """Average accuracy of a linear probe on means and deviations of the bands, with each sensor and both."""
    models = {"s1": tiny(S1, "sentinel1-grd"), "s2": tiny(S2, "sentinel2-l1c"), "both": tiny_pair(S1, S2)}
    found = {}
    for name, model in models.items():
        if name != "both":
            model.normalization = None
        found[name] = evaluate(model, "dfc2020", root, setup=Setup(bootstrap=10)).rows[0]["metric_value"]
    return found


@pytest.mark.parametrize("sight", ["complementary", "redundant"])
def test_fusion_helps_where_neither_sensor_sees_enough(tiny, tiny_pair, tmp_path, sight):
    root = synthetic.write_dfc2020(tmp_path / sight, validation=80, test=80, size=24, sight=sight)
    found = accuracies(tiny, tiny_pair, root)
    alone = max(found["s1"], found["s2"])
    if sight == "complementary":
        assert alone < 0.75
        assert found["both"] > alone + 0.15
    else:
        assert found["both"] < alone + 0.08
