import json
import re

import pytest
import torch

from eo_models import build_model, create_model, get_weights, save_backbone

BANDS = {"s1": ("VV", "VH"), "s2": ("B04", "B03", "B02", "B08")}
SENSORS = {"s1": "sentinel1-grd", "s2": "sentinel2-l2a"}


@pytest.fixture(scope="module")
def dual():
    return create_model("dual_resnet18", bands=BANDS, sensor=SENSORS).eval()


@pytest.fixture
def places():
    return {"s1": torch.randn(2, 2, 64, 64), "s2": torch.randn(2, 4, 64, 64), "id": ["a", "b"]}


@torch.no_grad()
def test_sentinel_1_comes_first(dual, places):
    assert dual.num_features == 1024
    torch.testing.assert_close(dual(places), torch.cat([dual.s1(places["s1"]), dual.s2(places["s2"])], dim=1))
    maps = dual.forward_maps(places)
    assert [m.shape[1] for m in maps] == list(dual.map_channels)
    assert [64 // m.shape[-1] for m in maps] == list(dual.map_strides)
    torch.testing.assert_close(maps[1][:, :128], dual.s1.forward_maps(places["s1"])[1])


@pytest.mark.parametrize(("neck", "head"), [(None, "multilabel"), ("fpn", "segment")])
def test_necks_and_heads_read_both_sensors(places, neck, head):
    model = build_model("dual_resnet18", neck=neck, head=head, num_outputs=3, bands=BANDS, sensor=SENSORS).eval()
    before = model(places)
    assert before.shape == ((2, 3) if neck is None else (2, 3, 64, 64))
    for sensor in ("s1", "s2"):
        assert not torch.equal(model(places | {sensor: -places[sensor]}), before)


def test_facts_are_by_sensor(dual):
    assert dual.bands == BANDS
    assert dual.sensor == SENSORS
    assert dual.s2.bands == BANDS["s2"]
    weights = get_weights("dual_resnet18.sen12ms")
    published = create_model("dual_resnet18.sen12ms")
    assert published.units == {"s1": ("db", "db"), "s2": ("dn",) * 13}
    assert published.normalization == {name: list(steps) for name, steps in weights.normalization.items()}
    assert published.s1.normalization[0] == {"op": "clip", "min": -25, "max": 0}
    assert published.adaptation == {"weights": "random"}


def test_a_saved_pair_comes_back_bit_equal_with_its_facts(tmp_path, places):
    model = create_model("dual_resnet18", bands=BANDS, sensor=SENSORS).eval()
    model.units = {"s1": ("db",) * 2, "s2": ("dn",) * 4}
    model.normalization = {"s1": [{"op": "per_image_max"}], "s2": None}
    model.adaptation = {"from": "nowhere", "s2.first_layer": "random"}
    assert model.s2.adaptation == {"first_layer": "random"}
    save_backbone(model, tmp_path)
    assert json.loads((tmp_path / "backbone.json").read_text())["bands"]["s1"] == ["VV", "VH"]
    again = create_model(tmp_path)
    assert not again.training
    assert again.facts() == model.facts()
    assert torch.equal(again(places), model(places))


@torch.no_grad()
def test_each_sensor_s_bands_are_matched_by_name(tmp_path, dual, places):
    save_backbone(dual, tmp_path)
    bands = {"s1": ("VH", "VV"), "s2": ("B02", "B03", "B04")}
    model = create_model(tmp_path, bands=bands, missing="zero")
    assert model.adaptation == {"s1.reordered": "VH VV", "s2.reordered": "B02 B03 B04", "s2.missing": "B08 dropped"}
    as_before = {"s1": places["s1"], "s2": places["s2"] * torch.tensor([1.0, 1, 1, 0]).view(1, 4, 1, 1)}
    turned = {"s1": places["s1"].flip(1), "s2": places["s2"][:, [2, 1, 0]]}
    torch.testing.assert_close(model(turned), dual(as_before), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="wants B08, which the data lacks"):
        create_model(tmp_path, bands=bands)
    assert create_model(tmp_path, bands={"s1": ("VH", "VV")}).bands["s2"] == BANDS["s2"]


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (torch.zeros(1, 2, 64, 64), "dual_resnet18 takes a mapping with s1 and s2, got a Tensor; model.s1(x)"),
        ({"s1": torch.zeros(1, 2, 64, 64), "image": 0}, "takes a mapping with s1 and s2, got one with s1 image"),
        (
            {"s1": torch.zeros(2, 2, 64, 64), "s2": torch.zeros(1, 4, 64, 64)},
            "s1 and s2 must show the same places, got 2 and 1 images",
        ),
        (
            {"s1": torch.zeros(1, 2, 64, 64), "s2": torch.zeros(1, 2, 64, 64)},
            "resnet18 takes (B, 4, H, W) with the bands B04 B03 B02 B08, got (1, 2, 64, 64)",
        ),
        (
            {"s1": torch.zeros(1, 2, 64, 64), "s2": torch.zeros(1, 4, 64, 64, dtype=torch.int32)},
            "takes normalized floats, got raw torch.int32 pixels",
        ),
    ],
)
def test_other_input_is_refused(dual, x, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        dual(x)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({}, "pass bands=[...] in the data's channel order, and sensor=..., each a mapping from s1 and s2"),
        ({"bands": {"s1": ["VV"]}, "sensor": SENSORS}, "dual_resnet18 has no bands of its own: pass bands=[...]"),
        ({"bands": ["VV", "VH"], "sensor": SENSORS}, "a model of the sensors s1 and s2 takes {'s1': ..., ...}"),
        ({"bands": BANDS, "sensor": "sentinel2-l2a"}, "takes {'s1': ..., ...}, got 'sentinel2-l2a'"),
        ({"bands": {"s1": ["VV", "VV"], "s2": ["B04"]}, "sensor": SENSORS}, "bands must be distinct, got VV VV"),
    ],
)
def test_bands_are_wanted_for_each_sensor(asked, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        create_model("dual_resnet18", **asked)


def test_what_needs_one_network_says_which_there_are(dual, places):
    with pytest.raises(ValueError, match=r"a first layer for each sensor; use model.s1.first_layer or model.s2's"):
        _ = dual.first_layer
    with pytest.raises(ValueError, match=r"has one for each sensor: model.s1.project\(x\) and model.s2.project\(x\)"):
        build_model("dual_resnet18", head="projection", bands=BANDS, sensor=SENSORS)
    with pytest.raises(ValueError, match="resnet18 has no tokens"):
        dual.forward_tokens(places)
    with pytest.raises(ValueError, match="resnet18 has no projection beside its feature; the file that it is from"):
        dual.s1.project(places["s1"])


def test_the_sensor_of_a_pair_may_be_left_out_and_that_is_said(places):
    model = create_model("dual_resnet18", bands=BANDS)
    assert model.sensor == {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}
    assert model.adaptation == {"sensor": "taken to be those of dual_resnet18.sen12ms"}


def test_a_file_that_does_not_fit_says_what_it_is(tmp_path, dual):
    save_backbone(dual, tmp_path)
    file = tmp_path / "backbone.safetensors"
    with pytest.raises(ValueError, match=r"does not fit dual_resnet18 on 4 bands and 2 bands: conv1.weight is .*"):
        create_model("dual_resnet18", bands={"s1": BANDS["s2"], "s2": BANDS["s1"]}, sensor=SENSORS, checkpoint=file)
    with pytest.raises(ValueError, match=r"does not fit vit_small_patch14 on 4 bands: .* it holds dual_resnet18 as in"):
        create_model("vit_small_patch14", bands=BANDS["s2"], sensor="sentinel2-l2a", checkpoint=file)


def test_a_key_without_a_place_is_named(tmp_path, dual):
    tensors = {f"backbone{n}.{key}": value for n in (1, 2) for key, value in dual.s1.body.state_dict().items()}
    torch.save(tensors | {"queue": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="bands: 1 without a place in SSLTransformerRS' dual ResNet: queue"):
        create_model("dual_resnet18", checkpoint=tmp_path / "other.pth")
    torch.save({"conv1.weight": torch.zeros(64, 2, 7, 7)}, tmp_path / "single.pth")
    with pytest.raises(ValueError, match="2 bands and 13 bands: its keys are of another model"):
        create_model("dual_resnet18", checkpoint=tmp_path / "single.pth")


@torch.no_grad()
def test_one_half_of_a_saved_pair_is_a_backbone(tmp_path, dual, places):
    save_backbone(dual, tmp_path)
    file = tmp_path / "backbone.safetensors"
    one = create_model("resnet18", bands=BANDS["s2"], sensor=SENSORS["s2"], checkpoint=file)
    assert torch.equal(one(places["s2"]), dual.s2(places["s2"]))
    assert one.adaptation == {"left_out": "s1 (120 tensors)"}
