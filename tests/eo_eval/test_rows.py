import json

import pytest

from eo_eval.linear import linear_probe
from eo_eval.rows import COLUMNS, add_rows, name_steps, read_rows, result_rows


@pytest.fixture
def rows(tagged):
    train, test = tagged(60, 40)
    score = linear_probe(train, test, c_values=(0.1, 1))
    return result_rows(score, train=train, test=test, n_val=0, given={"dataset": "made", "split": "val", "seed": 0})


def test_one_row_per_metric_with_every_column(rows):
    assert [row["metric_name"] for row in rows] == ["micro_mAP", "macro_mAP"]
    assert all(tuple(row) == COLUMNS for row in rows)
    first = rows[0]
    assert (first["method"], first["dataset"], first["n_train"], first["n_test"]) == ("linear", "made", 60, 40)
    assert (first["feature_dim"], first["best_c"] in (0.1, 1), first["knn_k"]) == (12, True, None)
    assert first["ci_lower"] <= first["metric_value"] <= first["ci_upper"]
    assert len(first["split_id"]) == 12


def test_the_same_evaluation_takes_the_place_of_the_earlier(rows, tmp_path):
    path = tmp_path / "new" / "rows.json"
    add_rows(path, rows)
    again = [row | {"metric_value": 0.5, "created": "later"} for row in rows]
    add_rows(path, again)
    assert [row["metric_value"] for row in read_rows(path)] == [0.5, 0.5]
    add_rows(path, [row | {"seed": 1} for row in rows])
    assert len(read_rows(path)) == 4
    assert not list(path.parent.glob("*.tmp"))


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"a": 1}]', "nothing"])
def test_a_file_without_rows_is_refused(tmp_path, content):
    path = tmp_path / "rows.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"rows\.json does not hold result rows"):
        read_rows(path)


def test_steps_have_a_name_that_any_change_changes():
    steps = [{"op": "affine", "scale": 2, "offset": 0}, {"op": "floor"}]
    assert name_steps(steps).startswith("affine>floor#")
    assert name_steps(steps) == name_steps(json.loads(json.dumps(steps)))
    assert name_steps(steps) != name_steps([steps[0] | {"scale": 3}, steps[1]])
    assert name_steps([]).startswith("none#")


def test_what_was_adapted_is_said(tiny, pictures):
    from eo_eval.evaluate import evaluate_datasets

    model = tiny()
    model.adaptation = {"first_layer": "random"}
    found = evaluate_datasets(model, pictures(30), pictures(12, seed=1, sensor="aerial"))
    assert found.rows[0]["adaptation"] == "first_layer: random; sensor: made for rgb, fed with aerial"
