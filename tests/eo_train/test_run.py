import json

import pytest
import yaml

from eo_train.run import MetricsFile, claim, read_metrics, write_environment

CONFIG = {"model": "resnet18", "optim": {"lr": 0.1}, "epochs": 5}
ROW = {"step": 1, "epoch": 0.5, "loss": 1.25, "lr": 0.1, "embedding_std": 0.1, "samples_per_s": 9.0, "seconds": 1.0}


def test_writes_the_configuration(tmp_path):
    claim(tmp_path / "run", CONFIG, resume=False)
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text()) == CONFIG


def test_another_run_is_refused(tmp_path):
    claim(tmp_path, CONFIG, resume=False)
    with pytest.raises(ValueError, match="holds a run already; go on with it by --resume, or choose another --output"):
        claim(tmp_path, CONFIG, resume=False)
    claim(tmp_path, CONFIG, resume=True)
    with pytest.raises(
        ValueError, match=r"another configuration: epochs was 5, now 6; optim.lr was 0.1, now 0.2; choose"
    ):
        claim(tmp_path, CONFIG | {"epochs": 6, "optim": {"lr": 0.2}}, resume=True)


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(ValueError, match="is not empty and holds no run; choose another --output"):
        claim(tmp_path, CONFIG, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_environment_names_versions_and_machine(tmp_path):
    write_environment(tmp_path, {"precision": "32-true"})
    facts = json.loads((tmp_path / "environment.json").read_text())
    assert facts["precision"] == "32-true"
    assert {"torch", "eo-train"} <= facts["versions"].keys()
    assert facts["cores"] >= 1


def test_going_on_elsewhere_is_said(tmp_path):
    assert write_environment(tmp_path, {"precision": "32-true"}) == []
    assert write_environment(tmp_path, {"precision": "32-true"}) == []
    assert write_environment(tmp_path, {"precision": "bf16-mixed"}) == ["precision was 32-true, now bf16-mixed"]


def test_metrics_go_on_from_a_step_without_the_rows_after_it(tmp_path):
    metrics = MetricsFile(tmp_path, first=0)
    for step in range(1, 6):
        metrics.write(ROW | {"step": step})
    with metrics.path.open("a") as file:
        file.write("6,0.5,1.2")  # the process was killed while it wrote
    assert [row["step"] for row in read_metrics(tmp_path)] == ["1", "2", "3", "4", "5"]
    MetricsFile(tmp_path, first=3).write(ROW | {"step": 4})
    rows = read_metrics(tmp_path)
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0]["loss"] == "1.25"
    assert rows[0]["grad_norm"] == ""


def test_what_a_method_gives_besides_gets_columns_of_its_own(tmp_path):
    metrics = MetricsFile(tmp_path, first=0)
    metrics.write(ROW | {"loss_ce": 0.5})
    metrics.write(ROW | {"step": 2, "loss_ce": 0.25, "accuracy": 1.0})
    MetricsFile(tmp_path, first=2).write(ROW | {"step": 3, "accuracy": 0.5})
    rows = read_metrics(tmp_path)
    assert [row["loss_ce"] for row in rows] == ["0.5", "0.25", ""]
    assert [row["accuracy"] for row in rows] == ["", "1", "0.5"]
