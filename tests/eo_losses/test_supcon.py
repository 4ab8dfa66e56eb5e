import math

import pytest
import torch
from torch import Tensor

from eo_losses import SupConLoss, label_similarity, nt_xent, supcon


def supcon_by_hand(z: Tensor, w: Tensor, temperature: float, *, summation: str, anchors: str) -> list[float | None]:
    """Loss of every anchor from the weights of samples w (B, B), or None where it has no positive."""
    b, v, _ = z.shape
    terms: list[float | None] = []
    views = [(i, k) for i in range(b) for k in range(v)]
    for i, k in views if anchors == "all" else [(i, 0) for i in range(b)]:
        others = [(j, m) for j, m in views if (j, m) != (i, k)]
        e = {o: math.exp(float(z[i, k] @ z[o]) / temperature) for o in others}
        weight = {o: float(w[i, o[0]]) for o in others}
        total, everything = sum(weight.values()), sum(e.values())
        if total == 0:
            terms.append(None)
        elif summation == "outside":
            terms.append(-sum(weight[o] * math.log(e[o] / everything) for o in others) / total)
        else:
            terms.append(-math.log(sum(weight[o] * e[o] / everything for o in others) / total))
    return terms


def unit(z: Tensor) -> Tensor:
    return z / z.norm(dim=-1, keepdim=True)


@pytest.fixture(params=["ids", "multi-hot", "soft mask", "nothing"])
def positives(request, multi_hot) -> tuple[dict, Tensor]:
    """What says which pairs are positive, for 6 samples, and the weights it stands for."""
    if request.param == "ids":
        ids = torch.tensor([3, 1, 3, 10**12, 10**12 + 1, 1])
        return {"labels": ids}, (ids[:, None] == ids).double()
    if request.param == "multi-hot":
        y = multi_hot(6, 4)
        return {"labels": y, "kind": "jaccard"}, label_similarity(y, y, "jaccard")
    if request.param == "soft mask":
        mask = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
        mask[mask < 0.4] = 0
        mask[2] = 0
        return {"mask": mask}, mask
    return {}, torch.eye(6)


@pytest.mark.parametrize("summation", ["outside", "inside"])
@pytest.mark.parametrize("anchors", ["all", "first"])
@pytest.mark.parametrize("views", [1, 2, 3])
def test_equals_the_sum_written_by_hand(randn, tiles, positives, summation, anchors, views):
    given, weights = positives
    z = unit(randn(6, views, 4))
    terms = supcon_by_hand(z, weights, 0.2, summation=summation, anchors=anchors)
    found = [t for t in terms if t is not None]
    how = {"temperature": 0.2, "summation": summation, "anchors": anchors}
    assert float(supcon(z, **given, **how)) == pytest.approx(sum(found) / len(terms))
    assert float(supcon(z, **given, **how, empty="skip")) == pytest.approx(sum(found) / max(1, len(found)))


@pytest.mark.parametrize("summation", ["outside", "inside"])
def test_gradient_is_that_of_the_value(randn, tiles, positives, summation):
    given, _ = positives
    for empty, anchors in (("zero", "all"), ("skip", "first")):
        assert torch.autograd.gradcheck(
            lambda z: supcon(z, **given, temperature=0.5, summation=summation, empty=empty, anchors=anchors),  # noqa: B023
            randn(6, 2, 3).requires_grad_(),
            fast_mode=True,
        )


def test_without_labels_it_is_nt_xent(randn):
    z1, z2 = randn(2, 5, 4)
    torch.testing.assert_close(supcon(torch.stack([z1, z2], 1), temperature=0.1), nt_xent(z1, z2, temperature=0.1))


def test_labels_and_the_mask_they_stand_for_agree(randn, multi_hot):
    z, ids, y = randn(6, 2, 4), torch.tensor([0, 0, 1, 2, 1, 0]), multi_hot(6, 4)
    torch.testing.assert_close(supcon(z, ids), supcon(z, mask=ids[:, None] == ids))
    for kind in ("overlap", "cosine", "jaccard", "exact"):
        torch.testing.assert_close(
            supcon(z, y, kind=kind), supcon(z, mask=label_similarity(y, y, kind)), check_dtype=False
        )


def test_base_temperature_only_scales(randn):
    z, ids = randn(6, 2, 4), torch.arange(6) % 3
    plain = supcon(z, ids, temperature=0.1)
    torch.testing.assert_close(supcon(z, ids, temperature=0.1, base_temperature=0.1), plain)
    torch.testing.assert_close(supcon(z, ids, temperature=0.1, base_temperature=0.07), plain * 0.1 / 0.07)


def test_inside_is_at_most_outside(randn):
    z, ids = randn(9, 2, 4), torch.arange(9) % 3
    assert float(supcon(z, ids, summation="inside")) < float(supcon(z, ids))


def test_equal_features_give_the_log_of_their_number(tiles):
    z = torch.ones(4, 2, 5)
    assert float(supcon(z, torch.arange(4) % 2)) == pytest.approx(math.log(7))


def test_samples_may_change_places(randn, tiles):
    z, ids, order = randn(7, 2, 4), torch.arange(7) % 3, torch.tensor([3, 0, 6, 1, 5, 2, 4])
    torch.testing.assert_close(supcon(z[order], ids[order]), supcon(z, ids))


def test_axes_after_the_second_are_flattened(randn):
    z, ids = randn(5, 2, 3, 4), torch.arange(5) % 2
    torch.testing.assert_close(supcon(z, ids), supcon(z.flatten(2), ids))


@pytest.mark.parametrize("given", [{}, {"labels": torch.tensor([3])}, {"mask": torch.ones(1, 1)}])
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("summation", ["outside", "inside"])
@pytest.mark.parametrize("empty", ["zero", "skip"])
def test_a_batch_of_one_gives_zero_attached_to_the_graph(given, views, summation, empty, tiles):
    z = torch.randn(1, views, 16, requires_grad=True)
    loss = supcon(z, **given, summation=summation, empty=empty)
    assert float(loss.detach()) == 0.0
    (gradient,) = torch.autograd.grad(loss, z)
    assert float(gradient.norm()) == 0.0


@pytest.mark.parametrize("empty", ["zero", "skip"])
@pytest.mark.parametrize("summation", ["outside", "inside"])
def test_a_batch_without_any_positive_gives_zero(randn, tiles, empty, summation):
    z = randn(6, 1, 4).float().requires_grad_()
    loss = supcon(z, torch.arange(6), empty=empty, summation=summation)
    assert float(loss.detach()) == 0.0
    assert float(torch.autograd.grad(loss, z)[0].norm()) == 0.0


def test_a_class_of_one_is_exact_among_large_weights(randn):
    mask = torch.zeros(4, 4)
    mask.fill_diagonal_(1e8)
    mask[0, 1] = 1e-3
    z = randn(4, 1, 4)
    (only,) = (t for t in supcon_by_hand(unit(z), mask, 0.1, summation="outside", anchors="all") if t is not None)
    assert float(supcon(z, mask=mask, temperature=0.1, empty="skip")) == pytest.approx(only)


def test_the_mask_is_left_as_it_was(randn, tiles):
    mask = torch.rand(6, 6, dtype=torch.float64)
    before = mask.clone()
    supcon(randn(6, 2, 4).requires_grad_(), mask=mask).backward()
    assert torch.equal(mask, before)


def test_large_features_stay_finite_without_normalization(randn, tiles):
    z = (20 * randn(8, 2, 32)).float().requires_grad_()
    loss = supcon(z, torch.arange(8) % 3, normalize=False)
    loss.backward()
    assert loss.isfinite()
    assert z.grad.isfinite().all()


def test_module_remembers_its_constants(randn):
    z, ids = randn(6, 2, 4), torch.arange(6) % 3
    constants = {
        "temperature": 0.2,
        "base_temperature": 0.1,
        "anchors": "first",
        "summation": "inside",
        "kind": "cosine",
        "empty": "skip",
        "normalize": False,
    }
    loss = SupConLoss(**constants)
    torch.testing.assert_close(loss(z, ids), supcon(z, ids, **constants))
    mask = torch.rand(6, 6)
    torch.testing.assert_close(loss(z, mask=mask), supcon(z, mask=mask, **constants))
    assert "temperature=0.2, base_temperature=0.1, anchors='first', summation='inside'" in repr(loss)


Z = torch.randn(4, 2, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("features", [Z[:, 0], Z[:0], Z[..., :0]])
def test_features_of_another_shape_are_refused(features):
    with pytest.raises(
        ValueError, match=r"features must be \(B, V, D\) with no empty axis, got \(.*features\[:, None\]"
    ):
        supcon(features)


def test_features_that_are_not_finite_are_named():
    z = Z.clone()
    z[2, 1, 3] = torch.nan
    with pytest.raises(ValueError, match="features must be finite, got NaN or infinity in 1 of 4 rows, first in row 2"):
        supcon(z)
    with pytest.raises(ValueError, match="features must be floating point, got torch.int64"):
        supcon(Z.long())


def test_labels_and_mask_together_are_refused():
    with pytest.raises(
        ValueError, match="labels and mask were both given, and both say which pairs are positive; give one"
    ):
        supcon(Z, torch.arange(4), mask=torch.eye(4))


@pytest.mark.parametrize("labels", [torch.arange(3), torch.zeros(4, 2, 2).long(), torch.tensor(1)])
def test_labels_of_another_count_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels must be ids \(4,\) or multi-hot \(4, K\) for 4 samples, got \("):
        supcon(Z, labels)


def test_multi_hot_labels_of_another_count_are_refused():
    with pytest.raises(ValueError, match="labels must have one row for each of the 4 samples, got 3"):
        supcon(Z, torch.ones(3, 5).long())


def test_float_ids_are_refused():
    with pytest.raises(ValueError, match=r"labels \(B,\) must be integer ids, got torch.float32.*use labels.long\(\)"):
        supcon(Z, torch.arange(4).float())


def test_ids_in_a_column_are_not_taken_for_multi_hot_labels():
    with pytest.raises(
        ValueError, match=r"labels must be multi-hot labels of 0 and 1, got 2; class ids go as integers \(B,\)"
    ):
        supcon(Z, torch.tensor([[0], [1], [2], [1]]))


def test_masks_of_another_shape_or_sign_are_refused():
    with pytest.raises(
        ValueError, match=r"mask must be \(4, 4\), samples of this process by samples of all .* got \(4, 3\)"
    ):
        supcon(Z, mask=torch.ones(4, 3))
    with pytest.raises(
        ValueError, match=r"mask must be finite and in \[0, inf\], got -1 to 1; a pair cannot weigh less"
    ):
        supcon(Z, mask=torch.eye(4) - torch.eye(4).roll(1, 0))
    with pytest.raises(ValueError, match=r"mask must be finite and in \[0, inf\], got 0 to inf"):
        supcon(Z, mask=torch.eye(4).masked_fill(torch.eye(4) > 0, torch.inf))
    with pytest.raises(ValueError, match="mask must be finite and in"):
        supcon(Z, mask=torch.full((4, 4), torch.nan))


def test_anchors_without_positive_raise_where_asked_to():
    with pytest.raises(
        ValueError, match="2 of 4 anchors have no positive; draw two samples of every class or two views"
    ):
        supcon(Z[:, :1], torch.tensor([0, 1, 2, 1]), empty="raise")
    assert supcon(Z[:, :1], torch.tensor([0, 1, 0, 1]), empty="raise").isfinite()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("anchors", "one", r"unknown anchors 'one'; expected one of 'all', 'first'"),
        ("summation", "mean", r"unknown summation 'mean'; expected one of 'outside', 'inside'"),
        ("summation", "outsid", r"unknown summation 'outsid', did you mean 'outside'\? expected one of"),
        (
            "kind",
            "jacard",
            r"unknown kind 'jacard', did you mean 'jaccard'\? expected one of 'cosine', 'jaccard', 'overl",
        ),
        ("empty", "nan", r"unknown empty 'nan'; expected one of 'zero', 'skip', 'raise'"),
        ("temperature", 0.0, "temperature must be a finite number > 0, got 0.0"),
        (
            "base_temperature",
            -1.0,
            "base_temperature must be a finite number > 0, got -1.0; usual is the temperature it",
        ),
    ],
)
def test_constants_out_of_range_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        supcon(Z, torch.arange(4), **{name: value})
    with pytest.raises(ValueError, match=message):
        SupConLoss(**{name: value})
