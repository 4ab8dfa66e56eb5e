import pytest
import torch

from eo_models import create_model, save_backbone

BOTH = {
    "bands": {"s1": ("VV", "VH"), "s2": ("B04", "B03", "B02", "B08")},
    "sensor": {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"},
}


def shared(name, **size):
    return create_model(name, **BOTH, **size)


@pytest.mark.parametrize(
    ("name", "size"),
    [pytest.param("small_alexnet", {"img_size": 16}, marks=pytest.mark.slow), ("resnet18_small", {})],
)
def test_all_but_the_first_block_is_one(tmp_path, name, size):
    model, side = shared(name, **size), size.get("img_size", 32)
    one = create_model(name, bands=("VV", "VH"), sensor="sentinel1-grd", **size)
    own = sum(value.numel() for key, value in model.s2.body.named_parameters() if key.startswith(model.stem))
    both = sum(value.numel() for value in model.parameters())
    assert both == sum(value.numel() for value in one.parameters()) + own
    x = {"s1": torch.randn(4, 2, side, side), "s2": torch.randn(4, 4, side, side)}
    model(x).square().mean().backward()
    assert model.s1.first_layer.weight.grad is not model.s2.first_layer.weight.grad
    assert all(value.grad is not None for value in model.parameters())
    save_backbone(model.eval(), tmp_path)
    again = create_model(tmp_path)
    assert sum(value.numel() for value in again.parameters()) == both
    assert torch.equal(again(x), model(x))


def test_the_batch_norms_follow_both_sensors():
    model = shared("resnet18_small").train()
    model.s1(torch.randn(4, 2, 32, 32))
    model.s2(torch.randn(4, 4, 32, 32))
    assert model.s1.body.bn1.num_batches_tracked == 2
    assert model.s1.body.conv1[1].num_batches_tracked == 1
