import pytest

from eo_eval.report.collect import collect


def test_a_run_is_gathered(scored):
    (view,) = collect([scored])
    assert view.name == "myrun"
    assert [row["weights"] for row in view.rows] == ["run", "random"] * 2
    assert {held.method for held in view.predictions} == {"linear", "knn5"}
    assert list(view.galleries) == [("made", "val")]
    assert len(view.metrics) == 30
    assert view.config["recipe"] == "simclr_eurosat"
    assert view.backbone["architecture"] == "resnet18"


def test_names_are_told_apart_by_their_folders(scored):
    other = scored.parent / "elsewhere" / "myrun"
    other.mkdir(parents=True)
    (other / "backbone.json").write_text("{}")
    (other / "metrics.csv").write_text("step,loss,seconds\n1,2,3\n")
    assert [view.name for view in collect([scored, other])] == [f"{scored.parent.name}/myrun", "elsewhere/myrun"]


def test_a_file_of_rows_is_enough(scored):
    (view,) = collect([scored / "eval/made-val-linear.json"])
    assert len(view.rows) == 2
    assert view.metrics == ()


def test_messages(tmp_path):
    with pytest.raises(ValueError, match="a report needs at least one run directory or JSON file of rows"):
        collect([])
    with pytest.raises(FileNotFoundError, match="no run directory and no JSON file at .*nothing"):
        collect([tmp_path / "nothing"])
    with pytest.raises(FileNotFoundError, match="holds no run: neither metrics.csv nor backbone.json nor eval"):
        collect([tmp_path])
