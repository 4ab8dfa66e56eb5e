import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from eo_losses.tiles import log_sum_exp, sum_softplus
from eo_losses.weights import PairWeights


@pytest.fixture
def others() -> torch.Tensor:
    """Two candidates that each of 7 anchors does not meet, of 11."""
    return torch.stack([torch.arange(7), (3 * torch.arange(7) + 2) % 11], 1)


def excluded(s: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    return s.scatter(1, others, -torch.inf)


def test_log_sum_exp_of_given_candidates(randn, tiles, others):
    a, c = randn(7, 3), randn(11, 3, seed=1)
    expected = excluded(a @ c.T * 2, others).logsumexp(1)
    torch.testing.assert_close(log_sum_exp(a, c, scale=2.0, exclude=others), expected)


def test_log_sum_exp_of_the_anchors_themselves(randn, tiles):
    a = randn(13, 3)
    itself = torch.arange(13)[:, None]
    expected = excluded(a @ a.T, itself).logsumexp(1)
    torch.testing.assert_close(log_sum_exp(a, None, scale=1.0, exclude=itself), expected)
    torch.testing.assert_close(log_sum_exp(a, a, scale=1.0, exclude=itself), expected)


def test_log_sum_exp_with_weights_of_samples_that_have_views(randn, tiles):
    a, c, w = randn(6, 3), randn(12, 3, seed=1), randn(3, 4, seed=2).exp()
    w[1] = 0
    weight = w.repeat_interleave(2, 0).repeat_interleave(3, 1)
    expected = (weight * (a @ c.T).exp()).sum(1).log()
    got = log_sum_exp(a, c, scale=1.0, weights=PairWeights(w, None, "matrix"))
    some = weight.any(1)
    torch.testing.assert_close(got[some], expected[some])
    assert (got[~some] < -1e300).all()


def test_sum_softplus(randn, tiles):
    a, c, w = randn(7, 3), randn(11, 3, seed=1), randn(7, 11, seed=2).exp()
    torch.testing.assert_close(sum_softplus(a, c), F.softplus(a @ c.T).sum(1))
    got = sum_softplus(a, c, weights=PairWeights(w, None, "matrix"))
    torch.testing.assert_close(got, (w * F.softplus(a @ c.T)).sum(1))


def test_gradients(randn, tiles, others):
    a, c = randn(7, 2).requires_grad_(), randn(11, 2, seed=1).requires_grad_()
    w, itself = PairWeights(randn(7, 11, seed=2).exp(), None, "matrix"), torch.arange(7)[:, None]
    assert torch.autograd.gradcheck(lambda a, c: log_sum_exp(a, c, scale=2.0, exclude=others), (a, c))
    assert torch.autograd.gradcheck(lambda a, c: log_sum_exp(a, c, scale=2.0, weights=w), (a, c))
    assert torch.autograd.gradcheck(lambda a: log_sum_exp(a, None, scale=2.0, exclude=itself), a)
    assert torch.autograd.gradcheck(sum_softplus, (a, c))
    assert torch.autograd.gradcheck(lambda a, c: sum_softplus(a, c, weights=w), (a, c))


def test_similarities_of_any_size_stay_finite(tiles):
    a = (100 * torch.randn(8, 4, generator=torch.Generator().manual_seed(0))).requires_grad_()
    itself = torch.arange(8)[:, None]
    total = log_sum_exp(a, None, scale=10.0, exclude=itself)
    total.sum().backward()
    expected = excluded(a.detach().double() @ a.detach().double().T * 10, itself).logsumexp(1)
    torch.testing.assert_close(total.detach().double(), expected, rtol=1e-6, atol=0)
    assert a.grad.isfinite().all()


def test_who_meets_nobody_gets_the_least_number(tiles):
    a = torch.randn(1, 4, requires_grad=True)
    total = log_sum_exp(a, None, scale=10.0, exclude=torch.tensor([[0]]))
    assert float(total.detach()) == torch.finfo(torch.float32).min


def test_twice_differentiating_is_refused_and_not_wrong(randn):
    a = randn(4, 2).requires_grad_()
    (first,) = torch.autograd.grad(log_sum_exp(a, None, scale=1.0).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="these losses have a first derivative only"):
        first.sum().backward()


def test_operators_are_registered_as_torch_wants_them(randn, tiles):
    a, c = randn(4, 2), randn(6, 2, seed=1)
    fold = torch.ops.eo_losses.fold.default
    for candidates in (None, c):
        arguments = (a, candidates, 1.0, torch.arange(4)[:, None], None, None, "", "log_sum_exp")
        torch.library.opcheck(fold, arguments, test_utils=("test_schema", "test_faketensor"))


MEMORY = """
import re, torch, eo_losses

def peak():  # of this process alone, in MiB; getrusage would count what pytest held when it started us
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024

n = 8192
z1, z2 = torch.randn(2, n, 128).unbind()
labels, multi_hot = torch.arange(n) % 1000, (torch.rand(n, 9) < 0.3).float()
losses = {
    "nt_xent": lambda a, b, s: eo_losses.nt_xent(a, b),
    "supcon": lambda a, b, s: eo_losses.supcon(torch.stack([a, b], 1), labels[s]),
    "supcon of multi-hot labels, inside": lambda a, b, s: eo_losses.supcon(
        torch.stack([a, b], 1), multi_hot[s], summation="inside"
    ),
    "softcon": lambda a, b, s: eo_losses.softcon(a, b, multi_hot[s], kind="jaccard"),
    "info_nce": lambda a, b, s: eo_losses.info_nce(a, b, z1),
}
loss = losses[NAME]
for size in (64, n):
    before = peak()
    a, b = (z[:size].clone().requires_grad_() for z in (z1, z2))
    loss(a, b, slice(size)).backward()
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's account of memory")
@pytest.mark.parametrize("name", ["nt_xent", "supcon", "supcon of multi-hot labels, inside", "softcon", "info_nce"])
def test_memory_is_linear_in_the_batch(name):
    """2 x 8192 rows of 128, forward and backward: one matrix of similarities of NT-Xent alone would take 1 GiB."""
    code = MEMORY.replace("NAME", repr(name))
    extra = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert extra < 400  # MiB
    print(f"{name}: {extra:.0f} MiB")
