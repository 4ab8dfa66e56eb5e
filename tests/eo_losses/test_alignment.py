import math

import pytest
import torch

from eo_losses import SymmetricNCELoss, symmetric_nce


def test_equals_the_sum_written_by_hand(randn):
    s = randn(5, 5)
    terms = [
        -math.log(math.exp(s[i, i] / 0.5) / sum(math.exp(x / 0.5) for x in line))
        for m in (s, s.T)
        for i, line in enumerate(m)
    ]
    assert float(symmetric_nce(s, temperature=0.5)) == pytest.approx(sum(terms) / 10)


def test_sensors_may_change_places(randn):
    s = randn(5, 5)
    torch.testing.assert_close(symmetric_nce(s.T), symmetric_nce(s))


def test_gradient_is_that_of_the_value(randn):
    assert torch.autograd.gradcheck(symmetric_nce, randn(4, 4).requires_grad_())


def test_a_batch_of_one_gives_zero_attached_to_the_graph():
    s = torch.ones(1, 1, requires_grad=True)
    loss = symmetric_nce(s)
    assert float(loss.detach()) == 0.0
    assert float(torch.autograd.grad(loss, s)[0]) == 0.0


def test_module_remembers_its_temperature(randn):
    s = randn(4, 4)
    torch.testing.assert_close(SymmetricNCELoss(temperature=0.3)(s), symmetric_nce(s, temperature=0.3))
    assert repr(SymmetricNCELoss()) == "SymmetricNCELoss(temperature=0.1)"
    with pytest.raises(ValueError, match="temperature must be"):
        SymmetricNCELoss(temperature=0.0)


@pytest.mark.parametrize(
    ("similarity", "message"),
    [
        (torch.zeros(3, 4), r"similarity must be \(B, B\), pairs on its diagonal, got \(3, 4\)"),
        (torch.zeros(3), r"similarity must be \(B, B\)"),
        (torch.zeros(0, 0), r"got \(0, 0\)"),
        (torch.eye(3).long(), "similarity must be floating point"),
        (torch.eye(3).log(), "similarity must be finite"),
    ],
)
def test_bad_input_is_refused(similarity, message):
    with pytest.raises(ValueError, match=message):
        symmetric_nce(similarity)
