import shutil

import pytest
import torch

from eo_eval import Setup, evaluate, save, write_report
from eo_eval.published import tables_for
from eo_eval.report.collect import RunView
from eo_eval.report.published import published_tables
from eo_eval.store import Predictions


@pytest.fixture
def held():
    """Six rows of DFC2020: Forest right twice of three, Water right, the rest nowhere."""
    y = torch.tensor([0, 0, 0, 7, 7, 1])
    scores = torch.nn.functional.one_hot(torch.tensor([0, 0, 1, 7, 7, 0]), 8).float()
    classes = tables_for("dfc2020", "test")[0].lines[:8]
    return Predictions(dataset="dfc2020", split="test", method="linear", ids=tuple("abcdef"), classes=classes,
                       scores=scores, y=y, selection=())  # fmt: skip


def row(metric, value, **other):
    return {"dataset": "dfc2020", "split": "test", "method": "linear", "metric_name": metric, "metric_value": value,
            "weights": "run", **other}  # fmt: skip


def test_ours_stand_before_theirs_line_by_line(held):
    rows = (row("average_accuracy", 0.5556), row("accuracy", 2 / 3), row("accuracy", 0.1, weights="random"))
    paper, printed = published_tables([RunView(name="mine", rows=rows, predictions=(held,))])
    assert [(head["name"], head["ours"]) for head in paper["heads"]] == [
        ("mine, linear probe", True), ("SupCon+CE", False), ("CE", False),
    ]  # fmt: skip
    lines = {line["name"]: line["cells"] for line in paper["lines"]}
    assert lines["Forest"] == ["66.7", "75.54 ± 5.01", "63.49 ± 5.9"]
    assert (lines["Water"][0], lines["Shrubland"][0], lines["Barren"][0]) == ("100.0", "0.0", "")
    assert lines["Average"] == ["55.6", "55.87 ± 0.89", "54.39 ± 0.72"]
    assert lines["Overall"][0] == "66.7"
    assert {line["name"]: line["cells"] for line in printed["lines"]}["Average"] == ["55.6", "40.79", "48.05"]


def test_runs_on_other_tasks_have_no_table(held):
    assert published_tables([RunView(name="mine")]) == []
    other = Predictions(**{**vars(held), "split": "validation"})
    assert published_tables([RunView(name="mine", predictions=(other,))]) == []


def test_the_page_has_the_tables(tiny_pair, meterml, dfc2020, run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "pair")
    for name, root, split in (("meterml", meterml, "val"), ("dfc2020", dfc2020, "test")):
        setup = Setup(bootstrap=10, knn_k=5)
        found = evaluate(tiny_pair(), name, root, split=split, method="knn", setup=setup,
                         notes={"weights": "run", "name": "pair"})  # fmt: skip
        save(found, folder)
    page = write_report(folder).read_text()
    assert page.count("Beside what others published") == 3
    assert "97.44 ± 0.95" in page
    assert "average accuracy" in page
