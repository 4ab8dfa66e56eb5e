import math

import pytest
import torch
from torch import Tensor

from eo_losses import NTXentLoss, nt_xent


def nt_xent_by_hand(z1: Tensor, z2: Tensor, temperature: float) -> float:
    z = [row / row.norm() for row in torch.cat([z1, z2])]
    terms = []
    for i, anchor in enumerate(z):
        partner = z[(i + len(z1)) % len(z)]
        others = [math.exp(float(anchor @ z[k]) / temperature) for k in range(len(z)) if k != i]
        terms.append(-math.log(math.exp(float(anchor @ partner) / temperature) / sum(others)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_equals_the_sum_written_by_hand(randn, tiles, temperature):
    z1, z2 = randn(2, 7, 4)
    assert float(nt_xent(z1, z2, temperature=temperature)) == pytest.approx(nt_xent_by_hand(z1, z2, temperature))


def test_gradient_is_that_of_the_value(randn, tiles):
    z1, z2 = randn(2, 4, 3).requires_grad_().unbind()
    assert torch.autograd.gradcheck(lambda z1, z2: nt_xent(z1, z2, temperature=0.5), (z1, z2))
    assert torch.autograd.gradcheck(lambda z1, z2: nt_xent(z1, z2, temperature=0.5, normalize=False), (z1, z2))


def test_equal_rows_give_the_log_of_their_number(tiles):
    z = torch.ones(6, 4)
    assert float(nt_xent(z, z)) == pytest.approx(math.log(2 * 6 - 1))


def test_views_may_change_places(randn, tiles):
    z1, z2 = randn(2, 6, 4)
    torch.testing.assert_close(nt_xent(z1, z2), nt_xent(z2, z1))


def test_a_high_temperature_makes_all_alike(randn):
    z1, z2 = randn(2, 6, 4)
    assert float(nt_xent(z1, z2, temperature=1e9)) == pytest.approx(math.log(11))


def test_a_low_temperature_leaves_the_hardest_negative():
    z1 = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert float(nt_xent(z1, z1, temperature=1e-3)) == 0.0
    hard = torch.tensor([[0.6, 0.8], [0.8, 0.6]])  # of each anchor's negatives one is nearer by 0.2 to 0.36
    assert float(nt_xent(z1, hard, temperature=1e-3)) == pytest.approx((0.2 * 2 + 0.36 * 2) / 4 * 1e3, rel=1e-4)


def test_a_batch_of_one_gives_zero_attached_to_the_graph(tiles):
    z1, z2 = torch.randn(2, 1, 4, requires_grad=True).unbind()
    loss = nt_xent(z1, z2)
    assert float(loss.detach()) == 0.0
    assert all(float(g.norm()) == 0.0 for g in torch.autograd.grad(loss, (z1, z2)))


def test_small_losses_keep_their_digits(randn):
    z = randn(8, 256)
    exact = float(nt_xent(z, z + 0.01 * randn(8, 256, seed=1), temperature=0.1))
    rough = float(nt_xent(z.float(), (z + 0.01 * randn(8, 256, seed=1)).float(), temperature=0.1))
    assert 0 < exact < 1e-2
    assert rough == pytest.approx(exact, rel=1e-5)


def test_large_rows_stay_finite_without_normalization(randn, tiles):
    z1, z2 = 50 * randn(2, 6, 32).float()
    z1.requires_grad_()
    loss = nt_xent(z1, z2, normalize=False)
    loss.backward()
    assert loss.isfinite()
    assert z1.grad.isfinite().all()


def test_module_remembers_its_constants(randn):
    z1, z2 = randn(2, 5, 4)
    loss = NTXentLoss(temperature=0.2, normalize=False)
    torch.testing.assert_close(loss(z1, z2), nt_xent(z1, z2, temperature=0.2, normalize=False))
    assert repr(loss) == "NTXentLoss(gather=True, temperature=0.2, normalize=False)"
    assert not loss.state_dict()


@pytest.mark.parametrize("z2", [torch.zeros(4, 3), torch.zeros(5, 4), torch.zeros(4)])
def test_views_of_other_shapes_are_refused(z2):
    with pytest.raises(ValueError, match=r"z1 and z2 must both be \(B, D\), rows matching.* got \(4, 4\) and \("):
        nt_xent(torch.zeros(4, 4), z2)


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match=r"no axis empty, got \(0, 4\) and \(0, 4\)"):
        nt_xent(torch.zeros(0, 4), torch.zeros(0, 4))


def test_integers_are_refused():
    with pytest.raises(ValueError, match=r"z1 must be floating point, got torch.int64; convert it with z1.float\(\)"):
        nt_xent(torch.zeros(4, 4).long(), torch.zeros(4, 4).long())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_named(bad):
    z = torch.randn(5, 4)
    broken = z.clone()
    broken[3, 1] = bad
    with pytest.raises(ValueError, match="z2 must be finite, got NaN or infinity in 1 of 5 rows, first in row 3; skip"):
        nt_xent(z, broken)


def test_rows_whose_sum_overflows_are_finite_still():
    z = torch.full((4, 64), 6e4, dtype=torch.float16)
    assert float(nt_xent(z, z)) == pytest.approx(math.log(7))


@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan"), float("inf")])
def test_temperatures_that_cannot_divide_are_refused(temperature):
    with pytest.raises(ValueError, match=r"temperature must be a finite number > 0, got .*; usual is 0.05 to 0.5"):
        nt_xent(torch.zeros(4, 4), torch.zeros(4, 4), temperature=temperature)
    with pytest.raises(ValueError, match="temperature must be a finite number > 0"):
        NTXentLoss(temperature=temperature)
