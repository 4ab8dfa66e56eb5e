import pytest
import timm
import torch

from eo_models import create_model, initialize


def saved(model, path):
    torch.save(model.state_dict(), path)
    return path


def test_rgb_weights_start_a_13_band_resnet_with_a_fresh_first_layer(tmp_path):
    source = timm.create_model("resnet18")
    model = create_model("resnet18", bands=[f"B{i}" for i in range(13)], sensor="sentinel2-l1c")
    first = model.first_layer.weight.clone()
    initialize(model, saved(source, tmp_path / "imagenet.pth"))
    assert torch.equal(model.first_layer.weight, first)
    assert torch.equal(model.body.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
    assert model.adaptation == {
        "weights": "imagenet.pth",
        "left_out": "head (2 tensors)",
        "first_layer": "random: conv1.weight",
    }


def test_positions_of_a_larger_image_are_resampled_and_said(tmp_path):
    source = timm.create_model("vit_small_patch14_dinov2", img_size=70, num_classes=0)
    file = saved(source, tmp_path / "dinov2.pth")
    model = create_model("vit_small_patch14", bands=("VV", "VH"), sensor="sentinel1-grd", img_size=56)
    initialize(model, file)
    assert model.adaptation["positions"] == "resampled from 25 to 16 patches"
    assert torch.equal(model.body.pos_embed[:, 0], source.pos_embed[:, 0])
    assert torch.equal(model.body.blocks[3].attn.qkv.weight, source.blocks[3].attn.qkv.weight)


def test_the_file_s_first_layer_must_fit_when_it_is_wanted(tmp_path):
    file = saved(timm.create_model("resnet18"), tmp_path / "imagenet.pth")
    rgb = create_model("resnet18", bands=("R", "G", "B"), sensor="rgb")
    initialize(rgb, file, first_layer="file")
    assert "first_layer" not in rgb.adaptation
    sar = create_model("resnet18", bands=("VV", "VH"), sensor="sentinel1-grd")
    with pytest.raises(ValueError, match=r"conv1.weight is \(64, 3, 7, 7\), wanted \(64, 2, 7, 7\)"):
        initialize(sar, file, first_layer="file")


def test_another_architecture_is_refused(tmp_path):
    file = saved(timm.create_model("resnet18"), tmp_path / "imagenet.pth")
    model = create_model("resnet50", bands=("R", "G", "B"), sensor="rgb")
    with pytest.raises(ValueError, match="does not fit resnet50 on 3 bands"):
        initialize(model, file)
