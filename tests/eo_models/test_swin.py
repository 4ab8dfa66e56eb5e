import re

import pytest
import torch

from eo_models import create_model, save_backbone

S1 = {"bands": ("VV", "VH"), "sensor": "sentinel1-grd"}


@pytest.fixture(scope="module")
def swin():
    return create_model("swin_tiny", img_size=64, **S1).eval()


@torch.no_grad()
def test_the_feature_is_the_mean_token(swin):
    x = torch.randn(2, 2, 64, 64)
    tokens = swin.forward_tokens(x)
    assert tokens["cls"] is None
    assert tokens["patches"].shape == (2, 4, 768)
    torch.testing.assert_close(swin(x), tokens["patches"].mean(dim=1))
    torch.testing.assert_close(swin(x), swin.body(x))


@torch.no_grad()
def test_maps_have_the_channels_and_strides_it_says(swin):
    maps = swin.forward_maps(torch.randn(1, 2, 64, 64))
    assert [m.shape[1] for m in maps] == list(swin.map_channels) == [96, 192, 384, 768]
    assert [64 // m.shape[-1] for m in maps] == list(swin.map_strides)


def test_a_saved_one_keeps_its_size(tmp_path, swin):
    save_backbone(swin, tmp_path)
    again = create_model(tmp_path)
    assert again.facts() == swin.facts() | {"weights": again.weights}
    x = torch.randn(1, 2, 64, 64)
    assert torch.equal(again(x), swin(x))


def test_other_sizes_are_refused(swin):
    with pytest.raises(ValueError, match=r"built for 64x64 pixels, got 64x96; build it with img_size=... or crop"):
        swin(torch.zeros(1, 2, 64, 96))
    with pytest.raises(ValueError, match=re.escape("img_size must be a multiple of 32, got 60")):
        create_model("swin_tiny", img_size=60, **S1)


def test_a_file_of_larger_windows_is_refused(tmp_path, swin):
    save_backbone(swin, tmp_path)
    with pytest.raises(
        ValueError, match=r"at img_size=32 has smaller windows than the file in layers.1.*; pass a larger"
    ):
        create_model("swin_tiny", img_size=32, checkpoint=tmp_path / "backbone.safetensors", **S1)


def test_a_file_alone_does_not_tell_the_bands(tmp_path, swin):
    save_backbone(swin, tmp_path)
    with pytest.raises(ValueError, match=r"swin_tiny has no bands of its own: pass bands=\[...\] in the data's"):
        create_model("swin_tiny", checkpoint=tmp_path / "backbone.safetensors")


def test_drop_path_grows_with_depth(swin):
    blocks = [block for stage in swin.body.layers for block in stage.blocks]
    rates = [getattr(block.drop_path1, "drop_prob", 0.0) for block in blocks]
    torch.testing.assert_close(torch.tensor(rates), torch.linspace(0, 0.1, 12))
