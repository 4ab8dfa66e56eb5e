import pytest
import torch

from eo_data import BigEarthNet
from eo_eval.transfer_model import adopt_normalization, open_model
from eo_eval.transfer_tasks import TRANSFERS


def test_how_a_model_is_fed(bigearthnet, visible_run):
    task = TRANSFERS["bigearthnet_linear"]
    dataset = BigEarthNet(bigearthnet, "train", bands=task.bands)
    model, _ = open_model(visible_run, task)
    adopt_normalization(model, dataset, task.recipe("recommended"))
    assert model.backbone.normalization[0]["scale"] == 1e-4  # its own
    adopt_normalization(model, dataset, task.recipe("published"))
    assert model.backbone.normalization[-1] == {"op": "affine", "scale": 1 / 255, "offset": 0}
    model, _ = open_model("resnet18", task, random=True)
    adopt_normalization(model, dataset, task.recipe("recommended"))
    assert model.backbone.normalization == dataset.normalization
    model.backbone.units = ("uint8",) * 3
    with pytest.raises(ValueError, match="is fed with pixels in uint8, BigEarthNet holds dn; pass normalization="):
        adopt_normalization(model, dataset, task.recipe("recommended"))


def test_a_baseline_is_the_same_network_at_random_weights(visible_run):
    task = TRANSFERS["bigearthnet_linear"]
    random, notes = open_model(visible_run, task, random=True, seed=1)
    trained, _ = open_model(visible_run, task)
    assert notes == {"name": "mine", "weights": "random"}
    assert random.backbone.normalization == trained.backbone.normalization
    assert not torch.equal(random.backbone.body.conv1.weight, trained.backbone.body.conv1.weight)
    with pytest.raises(ValueError, match="resnet18 is an architecture, which has no weights of its own"):
        open_model("resnet18", task)
