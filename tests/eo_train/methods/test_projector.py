import pytest
import torch

from eo_train.methods.projector import projector


@pytest.mark.parametrize(("layers", "modules"), [(1, 1), (2, 4), (3, 7)])
def test_depth_and_shape(layers, modules):
    head = projector(6, 5, 4, layers=layers)
    assert len(head) == modules
    assert head(torch.randn(3, 6)).shape == (3, 4)


def test_refuses_no_layers():
    with pytest.raises(ValueError, match="at least 1 layer, got 0"):
        projector(6, 5, 4, layers=0)
