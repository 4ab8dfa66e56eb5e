"""From files to a score through every package."""

import json
from pathlib import Path

import pytest
import torch

from eo_data import GeoTIFFFolder, synthetic
from eo_eval import evaluate_datasets
from eo_eval.cli import main as eo_eval
from eo_models import create_model
from eo_train.cli import main as eo_train

BANDS = ("B02", "B03", "B04", "B08")
QUICK = ["--view_size", "32", "--epochs", "1", "--batch_size", "8", "--engine.num_workers", "0"]


@pytest.mark.slow
def test_a_folder_of_one_s_own_geotiffs_pretrains_and_is_probed(tmp_path):
    folders = [
        synthetic.write_geotiff_folder(
            tmp_path / name, sensor="sentinel2-l2a", bands=BANDS, count=24, size=48, classes=3, seed=seed
        )
        for seed, name in enumerate(("train", "test"))
    ]
    words = ["--data.root", str(folders[0]), "--data.sensor", "sentinel2-l2a", "--data.bands", f"[{', '.join(BANDS)}]"]
    assert eo_train(["pretrain", "simclr_folder", *words, "--output", str(tmp_path / "run"), *QUICK]) == 0
    train, test = (GeoTIFFFolder(each, sensor="sentinel2-l2a", bands=BANDS, labels="folder") for each in folders)
    evaluation = evaluate_datasets(create_model(tmp_path / "run"), train, test, method=["linear", "knn"])
    assert len(evaluation.test) == 24
    assert {row["metric_name"] for row in evaluation.rows} >= {"accuracy"}
    assert all(0 <= row["metric_value"] <= 1 for row in evaluation.rows)


@pytest.mark.slow
def test_eurosat_by_the_two_commands_of_the_readme(tmp_path, capsys):
    root = synthetic.write_eurosat(tmp_path / "eurosat", images="rgb", per_class=(6, 4, 4), seed=0)
    run = str(tmp_path / "run")
    assert eo_train(["pretrain", "simclr_eurosat", "--data.root", str(root), "--output", run, *QUICK]) == 0
    assert eo_eval(["linear", run, "--benchmark", "eurosat", "--root", str(root), "--split", "val"]) == 0
    assert eo_eval(["knn", run, "--benchmark", "eurosat", "--root", str(root), "--split", "test"]) == 0
    rows = json.loads((Path(run) / "eval/eurosat-val-linear.json").read_text())
    assert (rows[0]["n_train"], rows[0]["n_test"]) == (60, 40)
    page = (Path(run) / "report.html").read_text()
    assert "eurosat" in page.lower()
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_run_s_backbone_takes_its_normalization_along(tmp_path):
    model = create_model("resnet18", bands=BANDS, sensor="sentinel2-l2a")
    model.normalization = [{"op": "affine", "scale": 1e-4, "offset": 0.0}]
    from eo_models import save_backbone

    save_backbone(model, tmp_path)
    again = create_model(tmp_path)
    assert again.normalization == model.normalization
    assert torch.equal(again.first_layer.weight, model.first_layer.weight)
