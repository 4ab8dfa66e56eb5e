import pytest
import torch
import torch.nn.functional as F

from eo_losses.features import rows


@pytest.mark.parametrize("shape", [(5, 4), (3, 2, 4)])
def test_rows_get_length_one(randn, shape):
    x = randn(*shape).requires_grad_()
    (unit,) = rows(x, normalize=True)
    torch.testing.assert_close(unit, F.normalize(x, dim=-1))
    assert torch.autograd.gradcheck(lambda x: rows(x, normalize=True)[0], x)


def test_rows_are_left_alone_where_asked(randn):
    x = randn(3, 2)
    assert rows(x, normalize=False)[0] is x


def test_a_row_of_zeros_stays_one():
    x = torch.zeros(2, 3, requires_grad=True)
    (unit,) = rows(x, normalize=True)
    assert torch.equal(unit, x)
    assert torch.autograd.grad(unit.sum(), x)[0].isfinite().all()


def test_all_get_the_better_type():
    x = torch.ones(2, 3)
    assert [y.dtype for y in rows(x.half(), x.bfloat16(), normalize=True)] == [torch.float32] * 2
    assert [y.dtype for y in rows(x, x.double(), normalize=False)] == [torch.float64] * 2
