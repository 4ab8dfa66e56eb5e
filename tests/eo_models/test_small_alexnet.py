import re

import pytest
import torch

from eo_models import create_model, save_backbone

S1 = {"bands": ("VV", "VH"), "sensor": "sentinel1-grd"}


@pytest.fixture(scope="module")
def alexnet():
    return create_model("small_alexnet", img_size=24, **S1).eval()


@torch.no_grad()
def test_features_have_length_one(alexnet):
    features = alexnet(torch.randn(3, 2, 24, 24))
    assert features.shape == (3, alexnet.num_features) == (3, 128)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3))
    assert alexnet(torch.zeros(1, 2, 24, 24)).isfinite().all()


@torch.no_grad()
def test_maps_have_the_channels_it_says(alexnet):
    maps = alexnet.forward_maps(torch.randn(1, 2, 24, 24))
    assert [tuple(m.shape[1:]) for m in maps] == [(96, 11, 11), (384, 5, 5), (192, 2, 2)]
    assert alexnet.map_channels == (96, 384, 192)


def test_weights_start_as_the_authors_start_them(alexnet):
    assert alexnet.body.blocks[6][0].weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert not alexnet.body.blocks[7][0].bias.any()


def test_a_saved_one_keeps_its_size(tmp_path, alexnet):
    save_backbone(alexnet, tmp_path)
    x = torch.randn(1, 2, 24, 24)
    assert torch.equal(create_model(tmp_path)(x), alexnet(x))


def test_other_sizes_are_refused(alexnet):
    with pytest.raises(ValueError, match=r"built for 24x24 pixels, got 72x72; build it with img_size=... or crop"):
        alexnet(torch.zeros(1, 2, 72, 72))
    with pytest.raises(ValueError, match=re.escape("three poolings, so be at least 15, got 14")):
        create_model("small_alexnet", img_size=14, **S1)
