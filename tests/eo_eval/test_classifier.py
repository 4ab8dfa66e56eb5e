import pytest
import torch

from eo_data import DFC2020, Normalize
from eo_eval import Setup
from eo_eval.classifier import load_classifier, score_classifier
from eo_models import create_model, save_backbone
from eo_train import EngineConfig, PretrainConfig, pretrain

BASE = {"epochs": 1, "batch_size": 8, "view_size": 24, "normalization": "auto", "in_memory": True,
        "engine": EngineConfig(accelerator="cpu", precision="32-true", num_workers=0)}  # fmt: skip


@pytest.fixture(scope="module")
def run(dfc2020, tmp_path_factory):
    """Cross-entropy on Sentinel-1 for four steps."""
    data = {"name": "dfc2020", "root": str(dfc2020), "split": "validation", "product": "s1"}
    method = {"name": "supcon_ce", "classes": 8, "supcon_weight": 0.0, "augmented": False}
    output = str(tmp_path_factory.mktemp("ce") / "run")
    return pretrain(PretrainConfig(data=data, method=method, model="resnet18", output=output, **BASE))


def test_the_classifier_comes_back_as_it_was_trained(run, dfc2020):
    method = load_classifier(run)
    assert not method.training
    assert method.classifiers["fused"].weight.shape == (8, 512)
    again = torch.load(next((run / "checkpoints").glob("step-*.ckpt")), weights_only=True)["method"]
    assert torch.equal(method.classifiers["fused"].weight, again["classifiers.fused.weight"])


def test_its_scores_are_those_of_its_answers(run, dfc2020):
    found = score_classifier(run, "dfc2020", dfc2020, setup=Setup(bootstrap=10, batch_size=5))
    assert list(found) == ["average_accuracy", "accuracy", "macro_F1"]
    method, dataset = load_classifier(run), DFC2020(dfc2020, "test", product="s1")
    normalize = Normalize(method.backbone.normalization, method.backbone.bands)
    with torch.no_grad():
        images = normalize(torch.stack([dataset[i]["image"] for i in range(16)]))
        said = method.classify({"image": images})["fused"].argmax(1)
    truth = torch.tensor([int(dataset[i]["label"]) for i in range(16)])
    assert found["accuracy"].value == pytest.approx(float((said == truth).float().mean()))


def test_a_run_of_another_method_has_no_classifier(tmp_path):
    save_backbone(create_model("resnet18", bands=("R", "G", "B"), sensor="rgb"), tmp_path)
    (tmp_path / "config.yaml").write_text("method: {name: simclr}\n")
    with pytest.raises(ValueError, match="was trained by simclr, which has no classifier; probe its backbone"):
        load_classifier(tmp_path)
    (tmp_path / "config.yaml").write_text("method: {name: supcon_ce, classes: 2}\n")
    with pytest.raises(FileNotFoundError, match="has no checkpoint, which holds the classifier"):
        load_classifier(tmp_path)
