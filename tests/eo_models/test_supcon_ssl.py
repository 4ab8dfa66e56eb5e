import pytest
import torch
import torch.nn.functional as F

from eo_models import build_model, create_model, save_backbone
from eo_models.published.ssltransformerrs import SENSORS
from eo_models.published.supcon_ssl import METERML_BANDS

SYSTEM = "supcon"
slow = pytest.mark.slow


def case_input(golden, case):
    return golden.input(case.get("inputs") or case["input"])


def side_of(x):
    return "s1" if x.shape[1] == 2 else "s2"


def blocks(model, x):
    """What each block of a small AlexNet gives, and the feature."""
    found = {"features": model(x)}
    for index, block in enumerate(model.body.blocks):
        x = block(x)
        found[f"block{index}"] = x
    return found | {"stem": found["block0"], "pre_norm": x}


@slow
@pytest.mark.parametrize("name", ["dual_small_alexnet.meterml", "dual_small_alexnet.meterml_supcon"])
@torch.no_grad()
def test_dual_alexnet_equals_the_original(golden, name):
    model = create_model(name, checkpoint=golden.file(SYSTEM, "smallalexnet_dual_meterml"))
    assert model.adaptation == {"left_out": "unused (12 tensors)"}
    for case in golden.manifest(SYSTEM, "smallalexnet_dual_meterml")["cases"]:
        x = case_input(golden, case)
        found = {"fused": model(x)} if isinstance(x, dict) else blocks(model.members[side_of(x)], x)
        for label, expected in case["outputs"].items():
            golden.check(found[label], expected)


@slow
@pytest.mark.parametrize("name", ["smallalexnet_s1", "smallalexnet_s2", "smallalexnet_shared_meterml"])
@torch.no_grad()
def test_alexnet_equals_the_original(golden, name):
    file = golden.file(SYSTEM, name)
    for case in golden.manifest(SYSTEM, name)["cases"]:
        x = case_input(golden, case)
        side = side_of(x)
        model = create_model("small_alexnet", bands=METERML_BANDS[side], sensor=SENSORS[side], checkpoint=file)
        if "shared" in name:
            one_trunk = create_model("small_alexnet", bands=METERML_BANDS, sensor=SENSORS, checkpoint=file)
            two_trunks = create_model("dual_small_alexnet", checkpoint=file)
            assert torch.equal(one_trunk.members[side](x), model(x))
            assert torch.equal(two_trunks.members[side](x), model(x))
        for label, expected in case["outputs"].items():
            golden.check(blocks(model, x)[label], expected)


@torch.no_grad()
def test_small_resnet_equals_the_original(golden):
    name = "resnet18_small_meterml"
    file = golden.file(SYSTEM, name)
    both = create_model("resnet18_small", bands=METERML_BANDS, sensor=SENSORS, checkpoint=file)
    for case in golden.manifest(SYSTEM, name)["cases"]:
        x = case_input(golden, case)
        side = side_of(x)
        model = create_model("resnet18_small", bands=METERML_BANDS[side], sensor=SENSORS[side], checkpoint=file)
        golden.check(model(x), case["outputs"]["features"])
        assert torch.equal(both.members[side](x), model(x))


@slow
@torch.no_grad()
def test_projections_of_the_pretrained_resnets_equal_the_original(golden):
    name = "dualresnet50_sen12ms"
    model = create_model("DualResnet50", checkpoint=golden.file(SYSTEM, name))
    for case in golden.manifest(SYSTEM, name)["cases"]:
        x = case_input(golden, case)
        member = {"backbone1": model.s1, "backbone2": model.s2}[case["module"]]
        golden.check(member(x), case["outputs"]["pooled"])
        golden.check(member.project(x), case["outputs"]["projection"])


@torch.no_grad()
def test_a_classifier_of_projections_makes_these_the_feature(golden, tmp_path):
    tensors = golden.tensors("ssltransformerrs", "resnet18_dual")
    weight = torch.randn(8, 256)
    torch.save(tensors | {"fc.weight": weight, "fc.bias": torch.zeros(8)}, tmp_path / "fine_tuned.pth")
    model = build_model("dual_resnet18", head="classify", num_outputs=8, checkpoint=tmp_path / "fine_tuned.pth")
    torch.save(tensors, tmp_path / "pretrained.pth")
    before = create_model("dual_resnet18", checkpoint=tmp_path / "pretrained.pth")
    x = {"s1": torch.randn(2, 2, 64, 64), "s2": torch.randn(2, 13, 64, 64)}
    projections = torch.cat([member.project(x[sensor]) for sensor, member in before.members.items()], dim=1)
    torch.testing.assert_close(model.backbone(x), projections)
    torch.testing.assert_close(model(x), projections @ weight.T, rtol=1e-4, atol=1e-4)
    for network, given in ((model.backbone, x), (model.backbone.s2, x["s2"]), (before.s1, x["s1"])):
        save_backbone(network, tmp_path / "run")
        again = create_model(tmp_path / "run")
        assert again.facts() == network.facts()
        assert torch.equal(again(given), network(given))


@slow
@pytest.mark.parametrize("name", ["dual_resnet50.dfc2020_supcon", "dual_resnet50"])
@torch.no_grad()
def test_fine_tuned_resnets_equal_the_original(golden, name):
    manifest = golden.manifest(SYSTEM, "dualresnet50_dfc_finetuned")
    file = golden.file(
        SYSTEM,
        "dualresnet50_dfc_finetuned",
        lambda tensors: {"epoch": 175, "arch": "resnet", "state_dict": tensors, "optimizer": {}},
    )
    model = build_model(name, head="classify", num_outputs=8, checkpoint=file)
    for case in manifest["cases"]:
        x = case_input(golden, case)
        s1, s2 = (member(x[sensor]) for sensor, member in model.backbone.members.items())
        found = {"s1": s1, "s2": s2, "logits": model(x), "supcon_features": F.normalize(torch.cat([s1, s2]), dim=1)}
        for label, expected in case["outputs"].items():
            golden.check(found[label], expected)
