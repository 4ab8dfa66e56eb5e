import json
from pathlib import Path

import pytest
import torch

from eo_models import build_model, create_model, get_weights
from eo_models.architectures import build_backbone
from eo_models.fpn import FPN, FPNUpsample
from eo_models.layouts import sort_tensors
from eo_models.published.satlas import SATLAS
from eo_models.published.satlas_tasks import MAX_POOLED, TASKS, tasks_of
from eo_models.satlas_heads import published_head

DATA = Path(__file__).parent / "data" / "satlas"
KINDS = {"bin_segment": "binary_segment", "classification": "classify"}  # as allenai/satlas calls them


@pytest.mark.parametrize("weights", SATLAS, ids=lambda weights: weights.name)
def test_tasks_are_those_of_the_file(weights):
    manifest = json.loads((DATA / f"{weights.aliases[0]}.json").read_text())
    published = manifest["published_heads"]
    assert tasks_of(weights.name) == tuple(each["task"] for each in published)
    for each in published:
        assert TASKS[each["task"]] == (KINDS.get(each["type"], each["type"]), each["outputs"])
        if each["type"] == "classification":
            assert (each["head"] == "simple") == (weights.name == MAX_POOLED)


@pytest.mark.parametrize("weights", SATLAS, ids=lambda weights: weights.name)
def test_facts_are_those_of_the_file(weights):
    manifest = json.loads((DATA / f"{weights.aliases[0]}.json").read_text())
    bands = [band.split(" ")[0] for band in manifest["model"]["bands"]]
    assert list(weights.bands) == bands
    assert weights.source.sha256 in manifest["source"]
    assert weights.filename in manifest["source"]
    assert weights.size is None or f"published size {weights.size} bytes" in manifest["notes"][0]
    assert weights.architecture.startswith("multi_") == manifest["model"]["multi_image"]
    assert len(weights.units) == len(bands)
    assert get_weights(weights.aliases[0].upper()) is weights


FEW = (
    "swin_v2_t.satlas_s2_mi_ms",
    "resnet50.satlas_s2_si_ms",
    "swin_v2_b.satlas_s2_si_ms",
    "swin_v2_b.satlas_aerial_si",
)
ALL = [pytest.param(w, id=w.name, marks=() if w.name in FEW else pytest.mark.slow) for w in SATLAS]


@pytest.mark.parametrize("weights", ALL)
def test_every_tensor_of_every_file_has_its_place(golden, weights):
    with torch.device("meta"):
        backbone = build_backbone(weights.architecture, weights.bands, weights.sensor)
        backbone.weights = weights.name
        neck = FPNUpsample(backbone)
        heads = [published_head(task, backbone, neck, None) for task in tasks_of(weights.name)]
    wanted = {"backbone": backbone.body, **neck.parts, **{head.part: head for head in heads}}
    parts = sort_tensors(golden.tensors("satlas", weights.aliases[0], blank=("",)), backbone.layouts)
    assert parts.pop("ImageNet's classifier")
    assert {part: shapes(tensors) for part, tensors in parts.items()} == {
        part: shapes(module.state_dict()) for part, module in wanted.items()
    }


def shapes(tensors):
    return {name: tensor.shape for name, tensor in tensors.items()}


def normalized(weights, value):
    """Each band of a stored value, step by step."""
    found = []
    for band in weights.bands:
        x = value
        for step in weights.normalization:
            numbers = {key: n[band] if isinstance(n, dict) else n for key, n in step.items() if key != "op"}
            x = x * numbers["scale"] + numbers["offset"] if step["op"] == "affine" else min(max(x, 0), 1)
        found.append(x)
    return found


def test_normalization_is_the_documented_one():
    assert normalized(get_weights("Sentinel2_SwinB_SI_RGB"), 51) == pytest.approx([0.2] * 3)
    assert normalized(get_weights("Sentinel2_SwinB_SI_MS"), 204) == pytest.approx([0.8] * 3 + [204 / 8160] * 6)
    assert normalized(get_weights("Sentinel2_SwinB_SI_MS"), 9000)[3:] == [1] * 6
    assert normalized(get_weights("Sentinel1_SwinB_SI"), 300) == [1, 1]
    assert normalized(get_weights("Landsat_SwinB_MI"), 4000 + 1632) == pytest.approx([0.1] * 11)
    assert normalized(get_weights("Landsat_SwinB_MI"), 100) == [0] * 11
    assert normalized(get_weights("Aerial_SwinB_MI"), 255) == pytest.approx([1] * 3)


def test_a_published_head_needs_weights_that_hold_it(resnet):
    neck = FPNUpsample(resnet)
    with pytest.raises(
        ValueError, match="head='satlas:dem' is a part of the published files.* pass pretrained=True or"
    ):
        published_head("dem", resnet, neck, None)
    resnet.weights = "resnet50.satlas_s2_si_rgb"
    assert published_head("dem", resnet, neck, None).part == "heads.4"
    with pytest.raises(ValueError, match="resnet50.satlas_s2_si_rgb holds polygon, point, land_cover"):
        published_head("building", resnet, neck, None)
    with pytest.raises(ValueError, match="has 1 outputs by its file; leave num_outputs out"):
        published_head("dem", resnet, neck, 3)
    for other in (None, FPN(resnet)):
        with pytest.raises(ValueError, match=r"stands on neck='fpn\+upsample'; leave neck out"):
            published_head("dem", resnet, other, None)
    with pytest.raises(ValueError, match="stands on neck='fpn'; leave neck out"):
        published_head("vessel", resnet, None, None)
    assert published_head("vessel", resnet, FPN(resnet), None).part == "heads.14"
    with pytest.raises(ValueError, match="unknown head 'satlas:ships'; nearest known: satlas:"):
        build_model("resnet18", head="satlas:ships")


def test_a_file_without_the_head_is_refused(tmp_path):
    name = "resnet50.satlas_s2_si_rgb"
    backbone = create_model("resnet50", bands=get_weights(name).bands, sensor="sentinel2-l1c")
    torch.save(backbone.body.state_dict(), tmp_path / "bare.pth")
    with pytest.raises(ValueError, match="bare.pth does not hold fpn, upsample, heads.4: pass the file as published"):
        build_model(name, head="satlas:dem", checkpoint=tmp_path / "bare.pth")


PUBLISHED = [
    ("Sentinel2_Resnet50_SI_RGB", "smoke", (1, 3)),
    pytest.param("Aerial_SwinB_SI", "park_type", (1, 4), marks=pytest.mark.slow),
    pytest.param("Sentinel2_SwinB_SI_MS", "road_type", (1, 9), marks=pytest.mark.slow),
    pytest.param("Sentinel2_SwinB_SI_MS", "dem", (1, 64, 64), marks=pytest.mark.slow),
    pytest.param("Sentinel2_SwinT_MI_RGB", "land_cover", (1, 12, 64, 64), marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "task", "shape"), PUBLISHED)
@torch.no_grad()
def test_published_heads_of_every_form_load_and_run(golden, name, task, shape):
    file = golden.file("satlas", name, blank=("heads.0.", "heads.1.", "heads.14."))
    model = build_model(name, head=f"satlas:{task}", checkpoint=file)
    assert "random" not in model.adaptation
    answers = model.predict(torch.randn(1, len(model.backbone.bands), 64, 64))
    assert answers.shape == shape
    if TASKS[task][0] != "regress":
        torch.testing.assert_close(answers.sum(1), torch.ones_like(answers[:, 0]))
    if name == "Aerial_SwinB_SI":
        assert model.head.layer.in_features == 1024  # the backbone's own map


@torch.no_grad()
def test_a_published_regression_learns_in_bytes(golden):
    name = "Sentinel2_Resnet50_SI_RGB"
    file = golden.file("satlas", name, blank=("heads.0.", "heads.1.", "heads.14."))
    model = build_model(name, head="satlas:tree_cover", checkpoint=file)
    x = torch.randn(1, 3, 32, 32)
    found = model.predict(x)
    assert found.shape == (1, 32, 32)
    torch.testing.assert_close(model.loss(x, found + 51), torch.tensor(0.2))
