import pytest
import torch

from eo_models import create_model


def test_raw_pixels_are_refused(resnet):
    with pytest.raises(ValueError, match=r"takes normalized floats, got raw torch.uint8 pixels; run eo_data.Normalize"):
        resnet(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))


@pytest.mark.parametrize("shape", [(1, 4, 64, 64), (3, 64, 64)])
def test_another_band_count_is_refused_with_the_bands(resnet, shape):
    with pytest.raises(ValueError, match=r"takes \(B, 3, H, W\) with the bands R G B, got"):
        resnet(torch.zeros(shape))


def test_a_resnet_has_no_tokens(resnet):
    with pytest.raises(ValueError, match=r"resnet18 has no tokens; use model\(x\) or model.forward_maps"):
        resnet.forward_tokens(torch.zeros(1, 3, 64, 64))


def test_a_vit_names_the_sizes_it_takes():
    model = create_model("vit_small_patch14", bands=("VV",), sensor="sentinel1-grd", img_size=28)
    with pytest.raises(ValueError, match="heights and widths that 14 divides, got 64x64"):
        model(torch.zeros(1, 1, 64, 64))
