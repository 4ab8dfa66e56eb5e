import pytest
import torch

from eo_losses import label_similarity
from eo_losses.weights import PairWeights, weighted_sum


def of_kind(kind: str) -> tuple[PairWeights, torch.Tensor]:
    """Weights of 4 samples with 9, and the matrix they stand for."""
    generator = torch.Generator().manual_seed(0)
    if kind == "matrix":
        w = torch.rand(4, 9, generator=generator)
        return PairWeights(w, None, kind), w
    if kind == "masked":
        w, m = torch.rand(4, 9, generator=generator), torch.rand(4, 9, generator=generator) < 0.5
        return PairWeights(w, m, "matrix"), w * m
    if kind == "equal":
        right = torch.arange(9) % 3
        left = right[3:7]  # the same samples, as `own` has them
        return PairWeights(left, right, kind), (left[:, None] == right).float()
    if kind == "product":
        left, right = torch.arange(4) % 2 == 0, torch.arange(9) % 3 == 0
        return PairWeights(left, right, kind), (left[:, None] & right).float()
    left, right = (torch.rand(n, 5, generator=generator).round() for n in (4, 9))
    return PairWeights(left, right, kind), label_similarity(left, right, kind)


KINDS = ["matrix", "masked", "equal", "product", "cosine", "jaccard", "overlap", "exact"]


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_are_those_of_the_matrix(kind):
    weights, matrix = of_kind(kind)
    assert weights.size == (4, 9)
    some = torch.tensor([0, 0, 3]), torch.tensor([8, 2])
    torch.testing.assert_close(weights.tile(slice(1, 3), slice(2, 7), torch.float32), matrix[1:3, 2:7])
    torch.testing.assert_close(weights.tile(*some, torch.float32), matrix[some[0]][:, some[1]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("own", [None, 3])
def test_weighted_sum_and_its_gradient(randn, tiles, kind, own):
    weights, matrix = of_kind(kind)
    if own is not None:
        matrix = matrix.clone()
        matrix.diagonal(own).zero_()
    values = randn(9, 2).requires_grad_()
    torch.testing.assert_close(weighted_sum(values, weights, own=own), matrix.double() @ values, rtol=1e-6, atol=1e-6)
    assert torch.autograd.gradcheck(lambda v: weighted_sum(v, weights, own=own), values)
    assert torch.autograd.gradgradcheck(lambda v: weighted_sum(v, weights, own=own), values)


@pytest.mark.parametrize("kind", ["equal", "product", "cosine", "jaccard", "overlap", "exact"])
@pytest.mark.parametrize("own", [None, 0])
def test_labels_compared_with_themselves_are_given_once(randn, tiles, kind, own):
    (_, right, _), _ = of_kind(kind)
    once, twice = PairWeights.of(right, right, kind), PairWeights.of(right, right.clone(), kind)
    assert once.right is None
    assert once.size == twice.size == (9, 9)
    values = randn(9, 2).requires_grad_()
    results = [weighted_sum(values, w, own=own) for w in (once, twice)]
    torch.testing.assert_close(*results)
    torch.testing.assert_close(*(torch.autograd.grad((r**2).sum(), values)[0] for r in results))


def test_a_sample_alone_in_its_class_sums_to_exactly_nothing():
    values = torch.randn(5, 3)
    ids = torch.tensor([0, 1, 0, 2, 0])
    total = weighted_sum(values, PairWeights(ids, ids, "equal"), own=0)
    assert torch.equal(total[[1, 3]], torch.zeros(2, 3))


def test_the_operator_is_registered_as_torch_wants_it(randn):
    weights, _ = of_kind("jaccard")
    arguments = (randn(9, 2), *weights, 3, False)
    torch.library.opcheck(
        torch.ops.eo_losses.weighted_sum.default, arguments, test_utils=("test_schema", "test_faketensor")
    )
