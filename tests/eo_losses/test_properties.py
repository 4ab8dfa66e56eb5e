"""What holds of every batch: found out by trying many."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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

settings.register_profile("quick", max_examples=15, deadline=None, derandomize=True)
settings.load_profile("quick")


class Batch:
    """B samples of three views, with ids, multi-hot labels and a queue."""

    def __init__(self, b: int, d: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.views = torch.randn(3, b, d, dtype=torch.float64, generator=generator)
        self.ids = torch.randint(0, 3, (b,), generator=generator)
        self.multi_hot = (torch.rand(b, 4, generator=generator) < 0.4).long()
        self.mask = torch.rand(b, b, dtype=torch.float64, generator=generator)
        self.queue = torch.randn(5, d, dtype=torch.float64, generator=generator)

    def reordered(self, order: Tensor) -> "Batch":
        other = object.__new__(Batch)
        other.views, other.ids, other.multi_hot = self.views[:, order], self.ids[order], self.multi_hot[order]
        other.mask, other.queue = self.mask[order][:, order], self.queue
        return other

    def scaled(self, by: float) -> "Batch":
        other = self.reordered(torch.arange(len(self.ids)))
        other.views, other.queue = self.views * by, self.queue * by
        return other


batches = st.builds(Batch, st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))

LOSSES = {
    "nt_xent": lambda b, t: nt_xent(b.views[0], b.views[1], temperature=t),
    "supcon": lambda b, t: supcon(b.views.transpose(0, 1), b.ids, temperature=t),
    "supcon of multi-hot labels": lambda b, t: supcon(b.views.transpose(0, 1), b.multi_hot, temperature=t),
    "supcon inside": lambda b, t: supcon(b.views.transpose(0, 1), mask=b.mask, temperature=t, summation="inside"),
    "supcon of one view": lambda b, t: supcon(b.views[0][:, None], b.ids, temperature=t, empty="skip"),
    "softcon": lambda b, t: softcon(b.views[0], b.views[1], b.multi_hot, temperature=t),
    "info_nce": lambda b, t: info_nce(b.views[0], b.views[1], b.queue, temperature=t),
    "seco": lambda b, t: seco(list(b.views), [list(b.views)] * 3, [b.queue] * 3, temperature=t),
}
OF_RAW_ROWS = {
    "pairwise_nt_xent": lambda b, t: pairwise_nt_xent(b.views.flatten(0, 1), blocks=3, temperature=t),
    "symmetric_nce": lambda b, t: symmetric_nce(b.views[0] @ b.views[1].T, temperature=t),
    "soft_contrast": lambda b, _: soft_contrast(b.views[0], b.views[1], b.mask, normalize=False),
}


@pytest.mark.parametrize("name", LOSSES | OF_RAW_ROWS)
@given(batch=batches, seed=st.integers(0, 10**6))
def test_the_order_of_the_batch_does_not_matter(name, batch, seed):
    loss, order = (
        (LOSSES | OF_RAW_ROWS)[name],
        torch.randperm(len(batch.ids), generator=torch.Generator().manual_seed(seed)),
    )
    torch.testing.assert_close(loss(batch.reordered(order), 0.2), loss(batch, 0.2))


@pytest.mark.parametrize("name", LOSSES)
@given(batch=batches, by=st.floats(1e-3, 1e3))
def test_the_scale_of_the_rows_does_not_matter(name, batch, by):
    torch.testing.assert_close(LOSSES[name](batch.scaled(by), 0.2), LOSSES[name](batch, 0.2))


@pytest.mark.parametrize("name", LOSSES | OF_RAW_ROWS)
@given(batch=batches, temperature=st.floats(1e-3, 1e3))
def test_value_and_gradient_are_finite_and_not_negative(name, batch, temperature):
    batch.views.requires_grad_()
    loss = (LOSSES | OF_RAW_ROWS)[name](batch, temperature)
    assert loss.isfinite()
    assert float(loss.detach()) >= -1e-9
    (gradient,) = torch.autograd.grad(loss, batch.views)
    assert gradient.isfinite().all()


@given(batch=batches)
def test_a_high_temperature_forgets_the_rows(batch):
    b = len(batch.ids)
    assert float(nt_xent(batch.views[0], batch.views[1], temperature=1e8)) == pytest.approx(
        math.log(2 * b - 1), abs=1e-6
    )
    supervised = supcon(batch.views.transpose(0, 1), batch.ids, temperature=1e8)
    assert float(supervised) == pytest.approx(math.log(3 * b - 1), abs=1e-6)


@given(batch=batches)
def test_a_low_temperature_counts_only_the_nearest(batch):
    z1, z2 = (z / z.norm(dim=1, keepdim=True) for z in batch.views[:2])
    s = z1 @ z2.T
    gap = s.max(1).values - s.diagonal()  # by how much another row is nearer than the own one
    t = 1e-6
    got = softcon(z1, z2, torch.zeros(len(s), 1), temperature=t)
    assert float(got) * t == pytest.approx(float(gap.mean()), abs=2e-5)


@given(b=st.integers(1, 9), v=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_equal_rows_give_the_log_of_their_number(b, v, seed):
    row = torch.randn(4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    z, ids = row.expand(b, v, 4), torch.zeros(b).long()
    assert float(supcon(z, ids)) == pytest.approx(math.log(max(1, b * v - 1)), abs=1e-9)
    assert float(supcon(z, ids, summation="inside")) == pytest.approx(math.log(max(1, b * v - 1)), abs=1e-9)


@given(batch=batches, kind=st.sampled_from(["cosine", "jaccard", "overlap", "exact"]))
def test_label_similarity_is_symmetric_and_one_with_itself(batch, kind):
    y = batch.multi_hot
    s = label_similarity(y, y, kind)
    torch.testing.assert_close(s, s.T)
    torch.testing.assert_close(s.diagonal(), y.any(1).to(s.dtype))
    assert ((s >= 0) & (s <= 1 + 1e-6)).all()
