import math

import pytest
import torch
from torch import Tensor

from eo_losses import InfoNCELoss, info_nce


def info_nce_by_hand(q: Tensor, k: Tensor, queue: Tensor, temperature: float) -> float:
    terms = []
    for query, key in zip(q, k, strict=True):
        positive = math.exp(float(query @ key) / temperature)
        negatives = sum(math.exp(float(query @ n) / temperature) for n in queue)
        terms.append(-math.log(positive / (positive + negatives)))
    return sum(terms) / len(terms)


def unit(z: Tensor) -> Tensor:
    return z / z.norm(dim=-1, keepdim=True)


def test_equals_the_sum_written_by_hand(randn, tiles):
    (q, k), queue = randn(2, 6, 4), randn(9, 4, seed=1)
    assert float(info_nce(q, k, queue)) == pytest.approx(info_nce_by_hand(unit(q), unit(k), unit(queue), 0.07))
    raw = info_nce(q, k, queue, temperature=0.5, normalize=False)
    assert float(raw) == pytest.approx(info_nce_by_hand(q, k, queue, 0.5))


def test_gradient_is_that_of_the_value(randn, tiles):
    inputs = *randn(2, 4, 3).requires_grad_().unbind(), randn(7, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda q, k, n: info_nce(q, k, n, temperature=0.5), inputs)


def test_a_queue_without_gradient_gets_none(randn, tiles):
    (q, k), queue = randn(2, 6, 4), randn(9, 4, seed=1)
    q.requires_grad_()
    info_nce(q, k, queue).backward()
    with_queue = queue.clone().requires_grad_()
    info_nce(q2 := q.detach().clone().requires_grad_(), k, with_queue).backward()
    torch.testing.assert_close(q2.grad, q.grad)
    assert float(with_queue.grad.norm()) > 0


def test_equal_rows_give_the_log_of_their_number():
    assert float(info_nce(torch.ones(3, 4), torch.ones(3, 4), torch.ones(6, 4))) == pytest.approx(math.log(7))


def test_the_order_of_the_queue_does_not_matter(randn):
    (q, k), queue = randn(2, 6, 4), randn(9, 4, seed=1)
    torch.testing.assert_close(info_nce(q, k, queue.flip(0)), info_nce(q, k, queue))


def test_module_remembers_its_constants(randn):
    (q, k), queue = randn(2, 6, 4), randn(9, 4, seed=1)
    loss = InfoNCELoss(temperature=0.2, normalize=False)
    torch.testing.assert_close(loss(q, k, queue), info_nce(q, k, queue, temperature=0.2, normalize=False))
    with pytest.raises(ValueError, match="temperature must be"):
        InfoNCELoss(temperature=0.0)


Z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("query", "key", "queue", "message"),
    [
        (Z, Z[:3], Z, r"query and key must both be \(B, D\), rows matching, no axis empty, got \(4, 3\) and \(3, 3\)"),
        (Z / 0, Z, Z, "query must be finite"),
        (Z, Z, Z / 0, "queue must be finite"),
        (Z, Z, Z[:, :2], r"queue must be \(M, 3\), as wide as the keys, got \(4, 2\); make it with KeyQueue\(M, 3\)"),
        (Z, Z, Z[0], r"queue must be \(M, 3\), as wide as the keys, got \(3,\)"),
        (Z, Z, Z[:0], r"queue must be \(M, 3\), as wide as the keys, got \(0, 3\)"),
        (Z, Z, Z.long(), "queue must be floating point, got torch.int64"),
    ],
)
def test_bad_input_is_refused(query, key, queue, message):
    with pytest.raises(ValueError, match=message):
        info_nce(query, key, queue)
