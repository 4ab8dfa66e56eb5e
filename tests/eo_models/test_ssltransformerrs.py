import pytest
import torch

from eo_models import build_model, create_model
from eo_models.published.ssltransformerrs import BANDS, SENSORS

SYSTEM = "ssltransformerrs"
BOTH = {"bands": BANDS, "sensor": SENSORS}
slow = pytest.mark.slow


def pretraining(tensors):
    return {"epoch": 100, "arch": "resnet50", "state_dict": tensors, "optimizer": {"state": {}, "param_groups": []}}


def downstream(tensors):
    return {"model_weights": tensors, "optim_state": {"state": {}}, "val_stats": {"loss": 1.3}, "epochs": 200}


def of_sensors(label, values):
    return {f"{label}_{sensor}": each for sensor, each in zip(("s1", "s2"), values, strict=True)}


def compare(golden, found, case):
    for label, expected in case["outputs"].items():
        golden.check(found[label], expected)


@pytest.mark.parametrize("index", [0, pytest.param(1, marks=slow)])
@torch.no_grad()
def test_late_fusion_baseline_equals_the_original(golden, index):
    file = golden.file(SYSTEM, "resnet18_dual_baseline", downstream)
    model = build_model("dual_resnet18", head="classify", num_outputs=8, checkpoint=file, **BOTH)
    case = golden.manifest(SYSTEM, "resnet18_dual_baseline")["cases"][index]
    compare(golden, {"logits": model(golden.input(case["input"]))}, case)
    assert model.adaptation == {}


@slow
@torch.no_grad()
def test_pretrained_resnets_equal_the_original(golden):
    file = golden.file(SYSTEM, "resnet50_dual", pretraining)
    model = create_model("dual_resnet50.sen12ms", checkpoint=file)
    for case in golden.manifest(SYSTEM, "resnet50_dual")["cases"]:
        x = golden.input(case["input"])
        found = of_sensors("pooled", model(x).chunk(2, dim=1))
        found |= of_sensors("projection", [member.project(x[name]) for name, member in model.members.items()])
        compare(golden, found, case)


@slow
@torch.no_grad()
def test_fused_resnet_classifier_equals_the_original(golden):
    file = golden.file(SYSTEM, "resnet50_downstream", downstream)
    model = build_model("dual_resnet50", head="classify", num_outputs=8, checkpoint=file)
    assert model.adaptation == {"bands": "taken to be those of dual_resnet50.sen12ms"}
    for case in golden.manifest(SYSTEM, "resnet50_downstream")["cases"]:
        compare(golden, {"logits": model(golden.input(case["input"]))}, case)


@pytest.fixture(scope="module")
def swin_file(golden):
    return golden.file(SYSTEM, "swin_t_dual", pretraining)


@pytest.mark.parametrize("index", [pytest.param(0, marks=slow), 1, pytest.param(2, marks=slow)])
@torch.no_grad()
def test_pretrained_swins_equal_the_original(golden, swin_file, index):
    model = create_model("dual_swin_tiny.sen12ms", checkpoint=swin_file)
    assert model.adaptation == {"left_out": "computed (34 tensors), s1.head (2 tensors), s2.head (2 tensors)"}
    case = golden.manifest(SYSTEM, "swin_t_dual")["cases"][index]
    compare(golden, swin_outputs(model, golden.input(case["input"])) | heads(case, golden, swin_file), case)


@slow
@torch.no_grad()
def test_position_biases_are_those_of_the_original(golden):
    case = golden.manifest(SYSTEM, "swin_t_dual")["cases"][3]
    file = golden.file(SYSTEM, "swin_t_dual", pretraining, scale=case["scale"])
    model = create_model("dual_swin_tiny", checkpoint=file, **BOTH)
    compare(golden, swin_outputs(model, golden.input(case["input"])), case)


def swin_outputs(model, x):
    found = of_sensors("pooled", model(x).chunk(2, dim=1))
    for name, member in model.members.items():
        found[f"tokens_{name}"] = member.forward_tokens(x[name])["patches"]
        found |= {f"skip{n}_{name}": each.flatten(1, 2) for n, each in enumerate(member.pyramid(x[name])[1])}
    return found


def heads(case, golden, file):
    """The untrained 1000-way head of each sensor, through half of the file."""
    if "head_s1" not in case["outputs"]:
        return {}
    x = golden.input(case["input"])
    half = {"head": "classify", "num_outputs": 1000, "checkpoint": file}
    return {
        f"head_{name}": build_model("swin_tiny", bands=BANDS[name], sensor=SENSORS[name], **half)(x[name]) for name in x
    }


@slow
@torch.no_grad()
def test_fused_swin_classifier_equals_the_original(golden):
    file = golden.file(SYSTEM, "swin_t_downstream", downstream)
    model = build_model("dual_swin_tiny", head="classify", num_outputs=8, checkpoint=file, **BOTH)
    for case in golden.manifest(SYSTEM, "swin_t_downstream")["cases"]:
        compare(golden, {"logits": model(golden.input(case["input"]))}, case)


@slow
@pytest.mark.parametrize("index", [0, 1])
@torch.no_grad()
def test_segmentation_equals_the_original(golden, index):
    case = golden.manifest(SYSTEM, "swin_t_segmentation")["cases"][index]
    file = golden.file(SYSTEM, "swin_t_segmentation", downstream, scale=case.get("scale"))
    unet = {"neck": "swin_unet", "head": "segment", "num_outputs": 8}
    model = build_model("dual_swin_tiny", checkpoint=file, **unet, **BOTH)
    x = golden.input(case["input"])
    found = {"logits": model(x)}
    for name, member in model.backbone.members.items():
        decoder = model.neck.decoders[name]
        tokens, skips = member.pyramid(x[name])
        found[f"up_{name}"] = decoder(tokens, skips).flatten(1, 2)
        found[f"up0_{name}"] = out = decoder.expand(tokens)
        for step, stage in decoder.stages.items():
            out = stage(out, skips[3 - int(step)])
            found[f"up{step}_{name}"] = out.flatten(1, 2)
        found[f"up0_{name}"] = found[f"up0_{name}"].flatten(1, 2)
    compare(golden, found, case)
    assert set(model.adaptation) == {"left_out"}
    assert "unused (368 tensors)" in model.adaptation["left_out"]


@slow
def test_early_fusion_reads_both_sensors_as_one_image(golden):
    """No output of it is published; the file must fit, to the last key."""
    file = golden.file(SYSTEM, "swin_t_baseline_early", downstream)
    bands = [*BANDS["s1"], *BANDS["s2"]]
    asked = {"bands": bands, "sensor": "sentinel1-grd+sentinel2-l1c", "checkpoint": file}
    model = build_model("swin_tiny", head="classify", num_outputs=8, **asked)
    assert model.adaptation == {"left_out": "computed (17 tensors)"}
    kept = golden.tensors(SYSTEM, "swin_t_baseline_early")
    assert torch.equal(model.backbone.first_layer.weight, kept["patch_embed.proj.weight"])
    assert torch.equal(model.backbone.body.layers[2].downsample.norm.bias, kept["layers.1.downsample.norm.bias"])
    assert torch.equal(model.head.linear.weight, kept["head.weight"])


@pytest.mark.parametrize("channels", [2, 13, 15])
@torch.no_grad()
def test_single_stream_baselines_are_plain_resnets(tmp_path, channels):
    import torchvision

    author = torchvision.models.resnet18(num_classes=8).eval()
    author.conv1 = torch.nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    torch.save(downstream(author.state_dict()), tmp_path / "baseline.pth")
    bands = [*BANDS["s1"], *BANDS["s2"]][:channels] if channels != 13 else BANDS["s2"]
    asked = {"bands": bands, "sensor": "sentinel2-l1c", "checkpoint": tmp_path / "baseline.pth"}
    x = torch.randn(1, channels, 64, 64)
    torch.testing.assert_close(build_model("resnet18", head="classify", num_outputs=8, **asked)(x), author(x))


@torch.no_grad()
def test_half_of_a_pretraining_file_is_a_backbone_of_one_sensor(golden):
    file = golden.file(SYSTEM, "resnet18_dual", pretraining)
    both = create_model("dual_resnet18.sen12ms", checkpoint=file)
    one = create_model("resnet18", bands=BANDS["s2"], sensor=SENSORS["s2"], checkpoint=file)
    x = torch.randn(1, 13, 64, 64)
    assert torch.equal(one(x), both.s2(x))
    assert torch.equal(one.project(x), both.s2.project(x))
    assert one.adaptation == {"left_out": "s1 (124 tensors)"}
    with pytest.raises(ValueError, match=r"does not fit dual_resnet50 .*; by its names and shapes it holds dual"):
        create_model("dual_resnet50", checkpoint=file)
    whole = golden.tensors(SYSTEM, "resnet18_downstream")
    bare = {key: value for key, value in whole.items() if not key.startswith("backbone1.")}
    torch.save(bare | {"fc.weight": torch.zeros(8, 512)}, file.with_name("classifier-epoch-4.pth"))  # as the notebook
    asked = {"bands": BANDS["s2"], "sensor": SENSORS["s2"], "checkpoint": file.with_name("classifier-epoch-4.pth")}
    assert torch.equal(build_model("resnet18", head="classify", num_outputs=8, **asked)(x)[0], bare["fc.bias"])
