import shutil

import pytest

from eo_eval import Setup, evaluate_datasets, save, save_rows


@pytest.fixture(scope="session")
def scored_once(run_once, tmp_path_factory, tiny, pictures):
    """A run with scores, predictions and pictures, and a baseline at random weights; `scored` copies it."""
    folder = tmp_path_factory.mktemp("scored") / "myrun"
    shutil.copytree(run_once, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    train, test = pictures(40), pictures(30, seed=1)
    setup = Setup(bootstrap=20, knn_k=5)
    for weights, keep in (("run", save), ("random", save_rows)):
        found = evaluate_datasets(
            tiny(), train, test, dataset="made", split="val", method=("linear", "knn"), setup=setup,
            notes={"weights": weights, "name": "myrun"},
        )  # fmt: skip
        keep(found, folder)
    return folder


@pytest.fixture
def scored(scored_once, tmp_path):
    return shutil.copytree(scored_once, tmp_path / "myrun")
