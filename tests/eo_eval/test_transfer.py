from dataclasses import replace

import pytest
import torch

from eo_data import OSCD, BigEarthNet, EuroSAT, synthetic
from eo_eval import TransferSetup, transfer, transfer_datasets
from eo_eval.cli import main
from eo_eval.rows import COLUMNS, read_rows
from eo_eval.transfer_model import open_model
from eo_eval.transfer_tasks import TRANSFERS
from eo_models import create_model
from eo_train import EngineConfig, InputConfig

ENGINE = EngineConfig(accelerator="cpu", precision="32-true", num_workers=0)


def quick(**changes):
    return TransferSetup(**{"epochs": 1, "batch_size": 4, "bootstrap": 20, "engine": ENGINE} | changes)


@pytest.fixture(scope="module")
def cities(tmp_path_factory):
    return synthetic.write_oscd(tmp_path_factory.mktemp("oscd") / "cities", cities=(4, 2), size=96)


def test_bigearthnet_by_the_published_protocol(bigearthnet, visible_run, tmp_path):
    found = transfer(
        visible_run,
        "bigearthnet_linear",
        bigearthnet,
        output=tmp_path / "out",
        setup=quick(protocol="published", fraction=0.6),
    )
    rows = {row["metric_name"]: row for row in found.rows}
    assert list(rows) == ["micro_mAP", "macro_mAP"]
    row = rows["micro_mAP"]
    assert tuple(row) == COLUMNS
    assert 0 < row["metric_value"] <= 1
    assert (row["split"], row["protocol"], row["weights"], row["name"]) == ("val", "published", "run", "mine")
    assert (row["image_size"], row["interpolation"], row["seed"], row["label_fraction"]) == (128, "bicubic", 42, 0.6)
    said = "dropout 0.2, labels drawn with replacement, splits seco, scored by batches of 256"
    assert said in row["training"], "switches of the data stand in the row too"
    train = BigEarthNet(bigearthnet, "train", splits="seco", fraction=0.6, replacement=True, seed=42)
    assert (row["n_train"], row["train_split_id"]) == (len(train), train.split_id)
    before = create_model(visible_run).body.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in found.model.backbone.body.state_dict().items())


def test_bigearthnet_as_it_was_meant(bigearthnet, visible_run, tmp_path):
    found = transfer(
        visible_run, "bigearthnet_finetune", bigearthnet, output=tmp_path / "out", setup=quick(fraction=0.5)
    )
    row = found.rows[0]
    assert (row["split"], row["n_train"], row["n_test"], row["method"]) == ("test", 8, 6, "finetune")
    assert row["split_id"] == BigEarthNet(bigearthnet, "test").split_id
    before = create_model(visible_run).body.conv1.weight
    assert not torch.equal(found.model.backbone.body.conv1.weight, before)


def test_eurosat_moves_the_statistics_and_nothing_else(eurosat, tmp_path):
    setup = quick(protocol="published", batch_size=8)
    model, _ = open_model("resnet18", TRANSFERS["eurosat_linear"], random=True, seed=42)
    before = {name: value.clone() for name, value in model.backbone.body.state_dict().items()}
    found = transfer("resnet18", "eurosat_linear", eurosat, output=tmp_path / "out", random=True, setup=setup)
    changed = {
        name for name, value in found.model.backbone.body.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed
    assert all("running_" in name or "num_batches" in name for name in changed)
    row = found.rows[0]
    assert (row["metric_name"], row["published_value"]) == ("accuracy", pytest.approx(0.6321))
    assert row["split_id"] == EuroSAT(eurosat, "val").split_id


@pytest.mark.parametrize("protocol", ["published", "recommended"])
def test_change_detection(cities, tmp_path, protocol):
    setup = quick(protocol=protocol, batch_size=2, normalization="seco_oscd")
    found = transfer("resnet18", "oscd", cities, output=tmp_path / "out", random=True, setup=setup)
    assert [row["metric_name"] for row in found.rows] == ["F1", "precision", "recall"]
    assert all(0 <= row["metric_value"] <= 1 for row in found.rows)
    assert found.rows[0]["n_test"] == 2
    assert (found.folder / "model.pt").is_file()


def test_data_sets_of_ones_own(cities, tmp_path):
    task = TRANSFERS["oscd"]
    recipe = replace(
        task.recipe("recommended"), epochs=1, batch_size=2, normalization="seco_oscd", inputs=InputConfig(size=64)
    )
    model, notes = open_model("resnet18", task, random=True)
    left_out = OSCD(cities, "train", cities=["bercy"], bands=task.bands)
    others = OSCD(cities, "train", cities=["bordeaux", "nantes"], bands=task.bands)
    recipe = replace(recipe, inputs=InputConfig())
    found = transfer_datasets(
        model,
        others,
        left_out,
        task=task,
        recipe=recipe,
        output=tmp_path / "out",
        split="bercy",
        setup=quick(),
        notes=notes,
    )
    assert (found.rows[0]["split"], found.rows[0]["n_train"], found.rows[0]["weights"]) == ("bercy", 2, "random")


def test_a_split_that_cannot_be_scored(bigearthnet, visible_run, tmp_path):
    with pytest.raises(ValueError, match="bigearthnet_linear can be scored on val or test, got split 'dev'"):
        transfer(visible_run, "bigearthnet_linear", bigearthnet, output=tmp_path / "out", split="dev")


def test_by_command(capsys, eurosat, tmp_path):
    out = tmp_path / "tuned"
    words = ["finetune", "resnet18", "--random", "--benchmark", "eurosat_linear", "--root", str(eurosat)]
    words += [
        "--output",
        str(out),
        "--protocol",
        "published",
        "--epochs",
        "1",
        "--batch_size",
        "8",
        "--bootstrap",
        "10",
    ]
    words += ["--engine.num_workers", "0", "--engine.accelerator", "cpu"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "63.2" in shown  # what was published of it
    rows = read_rows(out / "eval" / "eurosat_linear-val-head.json")
    assert rows[0]["training"].startswith("head by adam")
    assert "eurosat_linear" in (out / "report.html").read_text()
    assert (
        main(["finetune", "resnet18", "--benchmark", "eurosat_linear", "--root", str(eurosat), "--output", str(out)])
        == 2
    )
    assert "pass --random" in capsys.readouterr().err
    assert main(["benchmarks"]) == 0
    assert "oscd " in capsys.readouterr().out
