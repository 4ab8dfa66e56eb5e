import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from eo_models import build_model
from eo_models.fpn import FPN, FPNUpsample, Pyramid

RGB = {"bands": ("R", "G", "B"), "sensor": "rgb"}


@torch.no_grad()
def test_equals_the_pyramid_written_by_hand(resnet):
    neck, x = FPN(resnet), torch.randn(1, 3, 72, 50)
    weights = neck.fpn.fpn
    maps = resnet.eval().forward_maps(x)
    wanted, above = [], None
    for level in (3, 2, 1, 0):
        lateral = weights.inner_blocks[level][0](maps[level])
        above = lateral if above is None else lateral + F.interpolate(above, size=lateral.shape[-2:], mode="nearest")
        wanted.insert(0, weights.layer_blocks[level][0](above))
    torch.testing.assert_close(neck(resnet, x), wanted)


@torch.no_grad()
def test_the_finest_map_is_as_fine_as_the_image():
    model = build_model("resnet18", neck="fpn+upsample", **RGB)
    maps = model(torch.randn(1, 3, 64, 96))
    assert [tuple(each.shape[1:]) for each in maps] == [
        (128, 64, 96),
        (128, 16, 24),
        (128, 8, 12),
        (128, 4, 6),
        (128, 2, 3),
    ]
    assert model.neck.map_strides == (1, 4, 8, 16, 32)
    assert model.neck.map_channels == (128,) * 5
    assert (maps[0] >= 0).all()  # it ends on a ReLU


@given(side=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_maps_of_one_stride_become_a_pyramid(side):
    pyramid = Pyramid((14,) * 4)
    found = pyramid([torch.ones(1, 2, side, side)] * 4)
    assert pyramid.map_strides == (4, 8, 16, 32)
    assert [each.shape[-1] for each in found] == [-(-14 * side // stride) for stride in (4, 8, 16, 32)]
    assert all(torch.allclose(each, torch.ones(())) for each in found)


@pytest.mark.parametrize("strides", [(4, 8, 16, 32), (2, 4, 8), (1,)])
def test_a_pyramid_is_left_alone(strides):
    pyramid, maps = Pyramid(strides), [torch.randn(1, 1, 5, 5) for _ in strides]
    assert pyramid.map_strides == strides
    assert all(found is given for found, given in zip(pyramid(maps), maps, strict=True))


@pytest.mark.slow
@torch.no_grad()
def test_a_vit_has_the_same_strides():
    model = build_model("vit_small_patch14", neck="fpn+upsample", img_size=112, **RGB)
    maps = model(torch.randn(1, 3, 112, 56))
    assert [tuple(each.shape[-2:]) for each in maps] == [(112, 56), (28, 14), (14, 7), (7, 4), (4, 2)]


def test_published_names_of_the_parameters(resnet):
    parts = FPNUpsample(resnet).parts
    assert list(parts) == ["fpn", "upsample"]
    assert "fpn.inner_blocks.3.0.bias" in parts["fpn"].state_dict()
    assert parts["upsample"].state_dict()["layers.1.2.weight"].shape == (128, 128, 4, 4)
