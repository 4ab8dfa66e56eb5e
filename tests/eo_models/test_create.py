import re

import pytest
import torch

from eo_models import create_model, list_models, save_backbone

S1 = ("VV", "VH")


@pytest.mark.parametrize(("name", "features"), [("resnet18", 512), ("resnet50", 2048), ("vit_small_patch14", 384)])
def test_gives_the_feature_of_any_bands(name, features):
    model = create_model(name, bands=("B04", "B8A", "B11", "B12"), sensor="sentinel2-l1c").eval()
    assert model.num_features == features
    assert model(torch.randn(2, 4, 56, 56)).shape == (2, features)


@pytest.mark.parametrize("name", ["resnet18", "vit_small_patch14"])
def test_maps_have_the_channels_and_strides_it_says(name):
    model = create_model(name, bands=S1, sensor="sentinel1-grd").eval()
    maps = model.forward_maps(torch.randn(1, 2, 224, 224))
    assert [m.shape[1] for m in maps] == list(model.map_channels)
    assert [224 // m.shape[2] for m in maps] == list(model.map_strides)


def test_vit_tokens_and_the_class_token_is_the_feature():
    model = create_model("vit_small_patch14", bands=S1, sensor="sentinel1-grd", img_size=56).eval()
    x = torch.randn(2, 2, 56, 56)
    tokens = model.forward_tokens(x)
    assert tokens["patches"].shape == (2, 16, 384)
    torch.testing.assert_close(tokens["cls"], model(x))
    assert model(torch.randn(1, 2, 28, 70)).shape == (1, 384)


def test_a_saved_backbone_comes_back_bit_equal_with_its_facts(tmp_path, resnet):
    resnet.units, resnet.normalization = ("uint8",) * 3, [{"op": "affine", "scale": 1 / 255, "offset": 0.0}]
    resnet.adaptation = {"first_layer": "random"}
    save_backbone(resnet, tmp_path, step=7)
    again = create_model(tmp_path)
    assert not again.training
    assert again.facts() == resnet.facts()
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(again(x), resnet.eval()(x))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["backbone.json", "backbone.safetensors"]


def test_the_saved_file_is_plain_timm(tmp_path, resnet):
    import timm
    from safetensors.torch import load_file

    save_backbone(resnet, tmp_path)
    timm.create_model("resnet18", num_classes=0).load_state_dict(load_file(tmp_path / "backbone.safetensors"))


def test_a_checkpoint_of_the_same_layout_loads(tmp_path, resnet):
    torch.save(resnet.body.state_dict(), tmp_path / "weights.pth")
    again = create_model("resnet18", bands=resnet.bands, sensor="rgb", checkpoint=tmp_path / "weights.pth")
    assert torch.equal(again.first_layer.weight, resnet.first_layer.weight)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: create_model("resnet81", bands=S1, sensor="s1"),
            ValueError,
            "unknown model 'resnet81'; nearest known: resnet18",
        ),
        (lambda: create_model("resnet18"), ValueError, "resnet18 has no bands of its own: pass bands=[...]"),
        (
            lambda: create_model("resnet18", bands=("VV", "VV"), sensor="s1"),
            ValueError,
            "bands must be distinct, got VV VV",
        ),
        (lambda: create_model("no/run"), FileNotFoundError, "no backbone.json in no/run; a run directory has one once"),
        (
            lambda: create_model("vit_small_patch14", bands=S1, sensor="s1", img_size=60),
            ValueError,
            "multiple of 14, got 60",
        ),
        (
            lambda: create_model("resnet18", bands=S1, sensor="s1", checkpoint="no.pth"),
            FileNotFoundError,
            "no weights file at no.pth",
        ),
    ],
)
def test_errors_tell_the_way_out(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


def test_a_run_takes_its_bands_in_another_order_and_no_others(tmp_path, resnet):
    save_backbone(resnet.eval(), tmp_path)
    turned = create_model(tmp_path, bands=("B", "G", "R"))
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(turned(x.flip(1)), resnet(x))
    assert turned.adaptation == {"reordered": "B G R"}
    with pytest.raises(ValueError, match=r"wants B, which the data lacks \(R G\): pass missing='zero'"):
        create_model(tmp_path, bands=("R", "G"))


def test_lists_what_it_knows():
    assert {"resnet18", "resnet50", "vit_base_patch14", "vit_small_patch14"} <= set(list_models())
    assert list_models("vit_*softcon_s1") == ["vit_base_patch14.softcon_s1", "vit_small_patch14.softcon_s1"]
