import pytest
import torch
from torch import nn

from eo_train.batch_norm import train_mode


@pytest.fixture
def networks():
    backbone = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.5))
    return nn.Sequential(backbone, nn.BatchNorm2d(3)), backbone


@pytest.mark.parametrize(("mode", "by_batch", "moves"), [("frozen", 0, 0), ("batch", 1, 0), ("moving", 1, 1)])
def test_statistics(networks, mode, by_batch, moves):
    whole, backbone = networks
    norm = backbone[1]
    train_mode(whole, backbone, mode)
    x = 5 + 3 * torch.randn(64, 3, 4, 4)
    out = norm(x)
    assert bool(out.mean().abs() < 1e-3) == bool(by_batch)
    assert bool((norm.running_mean != 0).any()) == bool(moves)
    assert backbone[2].training
    assert whole[1].training
    whole[1](x)
    assert (whole[1].running_mean != 0).all()  # what is beside the backbone learns as usual
