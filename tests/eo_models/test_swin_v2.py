import pytest
import torch

from eo_models import create_model, save_backbone


@pytest.fixture(scope="module")
def swin():
    torch.manual_seed(0)
    return create_model("swin_v2_t", bands=("VV", "VH"), sensor="sentinel1-grd").eval()


@pytest.mark.parametrize(("size", "sides"), [(32, (8, 4, 2, 1)), (30, (7, 4, 2, 1)), (4, (1, 1, 1, 1))])
@torch.no_grad()
def test_any_size_gives_four_maps_and_loses_what_fills_no_patch(swin, size, sides):
    x = torch.randn(1, 2, size, size)
    maps = swin.forward_maps(x)
    assert [tuple(each.shape) for each in maps] == [
        (1, width, side, side) for width, side in zip((96, 192, 384, 768), sides, strict=True)
    ]
    torch.testing.assert_close(swin(x), maps[-1].mean(dim=(2, 3)))
    torch.testing.assert_close(swin(x[..., : size // 4 * 4, : size // 4 * 4]), swin(x))


def test_facts(swin):
    assert swin.map_strides == (4, 8, 16, 32)
    assert swin.num_features == 768
    assert swin.first_layer.weight.shape == (96, 2, 4, 4)
    rates = [block.stochastic_depth.p for stage in (1, 3, 5, 7) for block in swin.body["features"][stage]]
    assert rates == pytest.approx([0.2 * block / 11 for block in range(12)])
    assert all(p.requires_grad for p in swin.parameters())


def test_an_image_smaller_than_a_patch_is_refused(swin):
    with pytest.raises(ValueError, match="takes images of at least 4x4 pixels, got 3x8"):
        swin(torch.zeros(1, 2, 3, 8))


@torch.no_grad()
def test_torchvisions_files_load_without_their_classifier(swin, tmp_path):
    extra = {"norm.weight": torch.ones(768), "norm.bias": torch.zeros(768), "head.weight": torch.zeros(5, 768)}
    torch.save(swin.body.state_dict() | extra, tmp_path / "swin_v2_t.pth")
    model = create_model("swin_v2_t", bands=swin.bands, sensor=swin.sensor, checkpoint=tmp_path / "swin_v2_t.pth")
    assert model.adaptation == {"left_out": "ImageNet's classifier (3 tensors)"}
    x = torch.randn(1, 2, 16, 16)
    torch.testing.assert_close(model(x), swin(x))
    save_backbone(model, tmp_path)
    torch.testing.assert_close(create_model(tmp_path)(x), swin(x))
