import sys
from types import ModuleType

import pytest
import torch

from eo_models import build_model, create_model

FAST = "seco_resnet18_1m"
SLOW = [
    pytest.param("seco_resnet50_1m", marks=pytest.mark.slow),
    pytest.param("seco_resnet50_100k", marks=pytest.mark.slow),
]


@pytest.fixture
def lightning(monkeypatch):
    """Nests tensors as Lightning 1.1.8 does, which keys its callbacks by their class."""
    modules = [".".join(("pytorch_lightning", "callbacks", "model_checkpoint")[:n]) for n in (1, 2, 3)]
    for name in modules:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    key = type("ModelCheckpoint", (), {"__module__": modules[-1]})
    sys.modules[modules[-1]].ModelCheckpoint = key

    def nested(tensors):
        return {
            "epoch": 199,
            "global_step": 10**6,
            "pytorch-lightning_version": "1.1.8",
            "callbacks": {key: {"monitor": None, "best_model_path": ""}},
            "optimizer_states": [{"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.03}]}],
            "lr_schedulers": [],
            "state_dict": tensors,
            "hparams_name": "kwargs",
            "hyper_parameters": {"base_encoder": "resnet18", "emb_spaces": 3},
        }

    return nested


@pytest.mark.parametrize("name", [FAST, *SLOW])
@torch.no_grad()
def test_equals_the_original(golden, lightning, name):
    file = golden.file("seco", name, lightning)
    model = create_model(f"{name}.ckpt", checkpoint=file)
    assert model.adaptation["left_out"].startswith("queue (2 tensors), momentum encoder (")
    projections = build_model(name, head="projection", checkpoint=file)
    for case in golden.manifest("seco", name)["cases"]:
        x = golden.input(case["input"])
        found = {"features": model(x), "pooled": model(x), "conv1": model.first_layer(x)}
        found |= {f"layer{n}": each for n, each in enumerate(model.forward_maps(x), 1)}
        found |= {f"z{n}": z for n, z in enumerate(projections.predict(x).unbind(1))}
        for label, expected in case["outputs"].items():
            golden.check(found[label], expected)


@torch.no_grad()
def test_change_detection_equals_the_original(golden):
    name = "seco_oscd_resnet18"
    file = golden.file("seco", name, lambda tensors: {"epoch": 99, "global_step": 1, "state_dict": tensors})
    rgb = {"bands": ("B04", "B03", "B02"), "sensor": "sentinel2-l1c"}
    model = build_model("resnet18", neck="seco_unet", head="change", checkpoint=file, **rgb)
    assert model.adaptation == {}
    for case in golden.manifest("seco", name)["cases"]:
        dates = torch.stack(golden.input(case["input"]), dim=1)
        maps = model.neck.differences(model.backbone, dates)
        found = {"logits": model(dates), "absdiff_input": (dates[:, 0] - dates[:, 1]).abs()}
        found |= {
            f"absdiff_{label}": m
            for label, m in zip(["conv1", *(f"layer{n}" for n in (1, 2, 3, 4))], maps, strict=True)
        }
        for label, expected in case["outputs"].items():
            golden.check(found[label], expected)
        torch.testing.assert_close(model(dates.flip(1)), model(dates))
