"""Half precision, autocast, compilers: the same numbers."""

import shutil

import pytest
import torch
from torch import Tensor

from eo_losses import (
    info_nce,
    label_similarity,
    nt_xent,
    pairwise_nt_xent,
    seco,
    soft_contrast,
    softcon,
    supcon,
    symmetric_nce,
)

B = 8
Z = torch.randn(3, B, 16, generator=torch.Generator().manual_seed(0))
QUEUE = torch.randn(20, 16, generator=torch.Generator().manual_seed(1))
IDS = torch.arange(B) % 3
MULTI_HOT = (torch.rand(B, 5, generator=torch.Generator().manual_seed(2)) < 0.5).long()
FLAGS = torch.arange(3 * B) % 5 == 0

LOSSES = {
    "nt_xent": lambda z: nt_xent(z[0], z[1]),
    "supcon": lambda z: supcon(z.transpose(0, 1), IDS),
    "supcon of multi-hot labels, inside": lambda z: supcon(
        z.transpose(0, 1), MULTI_HOT, kind="jaccard", summation="inside"
    ),
    "supcon of first anchors": lambda z: supcon(z.transpose(0, 1), anchors="first", empty="skip"),
    "supcon that raises": lambda z: supcon(z.transpose(0, 1), IDS, empty="raise"),
    "softcon": lambda z: softcon(z[0], z[1], MULTI_HOT, symmetric=True),
    "softcon of float labels": lambda z: softcon(z[0], z[1], MULTI_HOT.to(z.dtype)),
    "soft_contrast": lambda z: soft_contrast(z[0], z[1], label_similarity(MULTI_HOT, MULTI_HOT)),
    "info_nce": lambda z: info_nce(z[0], z[1], QUEUE),
    "seco": lambda z: seco(list(z), [list(z)] * 3, [QUEUE] * 3),
    "pairwise_nt_xent": lambda z: pairwise_nt_xent(z.flatten(0, 1), blocks=3, temperature=5.0, negatives=FLAGS),
    "symmetric_nce": lambda z: symmetric_nce(z[0, :, :B]),
}
every_loss = pytest.mark.parametrize("loss", [pytest.param(f, id=name) for name, f in LOSSES.items()])


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_read_and_then_left(loss, dtype, tiles, value_and_grads):
    value, (gradient,) = value_and_grads(loss, Z.to(dtype))
    expected, (exact,) = value_and_grads(loss, Z.to(dtype).float())
    assert value.dtype == torch.float32
    assert gradient.dtype == dtype
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)
    assert float((gradient - exact).norm()) < 2e-2 * float(exact.norm())


@every_loss
def test_double_precision_stays(loss, value_and_grads):
    value, (gradient,) = value_and_grads(loss, Z.double())
    assert value.dtype == gradient.dtype == torch.float64
    torch.testing.assert_close(value_and_grads(loss, Z)[0].double(), value, rtol=1e-5, atol=1e-6)


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(loss, dtype, tiles, value_and_grads):
    expected, (exact,) = value_and_grads(loss, Z)
    with torch.autocast("cpu", dtype=dtype):
        value, (gradient,) = value_and_grads(loss, Z)
    torch.testing.assert_close(value, expected, rtol=0, atol=0)
    torch.testing.assert_close(gradient, exact, rtol=0, atol=0)


def test_views_of_different_precision_meet_in_the_better():
    z1, z2 = Z[0].bfloat16(), Z[1].double()
    torch.testing.assert_close(nt_xent(z1, z2), nt_xent(z1.double(), z2))
    assert info_nce(z1, Z[1].bfloat16(), QUEUE).dtype == torch.float32
    assert softcon(z1, z2, MULTI_HOT).dtype == torch.float64


def compiled(loss, z: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    torch._dynamo.reset()
    z = z.clone().requires_grad_()
    value = torch.compile(loss, fullgraph=True, backend=backend)(z)  # without a break in the graph
    return value.detach(), torch.autograd.grad(value, z)[0]


@pytest.mark.parametrize("name", ["nt_xent", "supcon of multi-hot labels, inside", "softcon of float labels", "seco"])
def test_a_compiler_changes_nothing(name, value_and_grads):
    loss = LOSSES[name]
    expected, (exact,) = value_and_grads(loss, Z)
    value, gradient = compiled(loss, Z, "aot_eager")
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, exact)


def test_a_compiler_takes_batches_of_changing_size():
    loss = torch.compile(nt_xent, fullgraph=True, dynamic=True, backend="aot_eager")
    for n in (3, 5, 8):
        torch.testing.assert_close(loss(Z[0, :n], Z[1, :n]), nt_xent(Z[0, :n], Z[1, :n]))


def test_a_compiler_skips_what_it_cannot_trace():
    broken = Z.clone()
    broken[0, 0, 0] = torch.nan
    assert compiled(LOSSES["nt_xent"], broken, "eager")[0].isnan()
    with pytest.raises(ValueError, match="temperature must be"):
        torch.compile(lambda z: nt_xent(z[0], z[1], temperature=0.0), backend="eager")(Z)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="the inductor needs a C++ compiler on a CPU")
@every_loss
def test_the_inductor_changes_nothing(loss, value_and_grads):
    expected, (exact,) = value_and_grads(loss, Z)
    value, gradient = compiled(loss, Z, "inductor")
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, exact)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@every_loss
def test_a_device_changes_nothing(loss, value_and_grads, monkeypatch):
    monkeypatch.setattr("eo_losses.blocks.DEVICE_SIDE", 5)
    for name in ("QUEUE", "IDS", "MULTI_HOT", "FLAGS"):
        monkeypatch.setitem(globals(), name, globals()[name].cuda())
    value, (gradient,) = value_and_grads(loss, Z.cuda())
    monkeypatch.undo()
    expected, (exact,) = value_and_grads(loss, Z)
    torch.testing.assert_close(value.cpu(), expected)
    torch.testing.assert_close(gradient.cpu(), exact)
