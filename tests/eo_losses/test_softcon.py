import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses import SoftConLoss, SoftContrastLoss, label_similarity, soft_contrast, softcon


def soft_contrast_by_hand(z1: Tensor, z2: Tensor, targets: Tensor, valid: Tensor) -> float:
    terms = []
    for i, j in valid.nonzero().tolist():
        p, t = 1 / (1 + math.exp(-float(z1[i] @ z2[j]))), float(targets[i, j])
        terms.append(-t * math.log(p) - (1 - t) * math.log(1 - p))
    return sum(terms) / max(1, len(terms))


def instance_by_hand(z1: Tensor, z2: Tensor, temperature: float) -> float:
    terms = []
    for i, anchor in enumerate(z1):
        e = [math.exp(float(anchor @ other) / temperature) for other in z2]
        terms.append(-math.log(e[i] / sum(e)))
    return sum(terms) / len(terms)


def unit(z: Tensor) -> Tensor:
    return z / z.norm(dim=-1, keepdim=True)


@pytest.fixture
def pairs(randn):
    generator = torch.Generator().manual_seed(2)
    targets = torch.rand(7, 7, dtype=torch.float64, generator=generator)
    return *randn(2, 7, 4), targets, torch.rand(7, 7, generator=generator) < 0.6


def test_soft_contrast_equals_the_sum_written_by_hand(pairs, tiles):
    z1, z2, targets, valid = pairs
    everything = torch.ones_like(valid)
    u1, u2 = unit(z1), unit(z2)
    assert float(soft_contrast(z1, z2, targets)) == pytest.approx(soft_contrast_by_hand(u1, u2, targets, everything))
    some = soft_contrast(z1, z2, targets, valid=valid, normalize=False)
    assert float(some) == pytest.approx(soft_contrast_by_hand(z1, z2, targets, valid))


def test_soft_contrast_has_the_gradient_of_its_value(pairs, tiles):
    z1, z2, targets, valid = pairs
    z1, z2 = z1[:, :2].clone().requires_grad_(), z2[:, :2].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z1, z2: soft_contrast(z1, z2, targets), (z1, z2))
    assert torch.autograd.gradcheck(lambda z1, z2: soft_contrast(z1, z2, targets, valid=valid), (z1, z2))


def test_soft_contrast_without_valid_pairs_is_zero(pairs):
    z1, z2, targets, valid = pairs
    z1.requires_grad_()
    loss = soft_contrast(z1, z2, targets, valid=torch.zeros_like(valid))
    assert float(loss.detach()) == 0.0
    assert float(torch.autograd.grad(loss, z1)[0].norm()) == 0.0


def test_soft_contrast_survives_large_rows(pairs):
    z1, z2, targets, _ = pairs
    assert soft_contrast((z1 * 1e3).float(), (z2 * 1e3).float(), targets, normalize=False).isfinite()


def test_orthogonal_rows_give_log_two():
    z = torch.eye(4)
    targets = torch.rand(2, 2)
    assert float(soft_contrast(z[:2], z[2:], targets)) == pytest.approx(math.log(2))


@pytest.mark.parametrize("kind", ["cosine", "jaccard", "overlap", "exact"])
@pytest.mark.parametrize("symmetric", [False, True])
def test_softcon_equals_its_two_terms_by_hand(randn, multi_hot, tiles, kind, symmetric):
    online, target = randn(2, 8, 4)
    y1, y2 = multi_hot(8, 3), multi_hot(8, 3, seed=1).roll(1, 0)
    z1, z2 = unit(online), unit(target)
    instance = instance_by_hand(z1, z2, 0.2)
    if symmetric:
        instance = (instance + instance_by_hand(z2, z1, 0.2)) / 2
    valid = y1.any(1)[:, None] & y2.any(1)
    assert not valid.all()
    soft = soft_contrast_by_hand(z1, z2, label_similarity(y1, y2, kind), valid)
    got = softcon(online, target, y1, y2, temperature=0.2, soft_weight=0.3, kind=kind, symmetric=symmetric)
    assert float(got) == pytest.approx(instance + 0.3 * soft)


@pytest.mark.parametrize("kind", ["cosine", "overlap"])
@pytest.mark.parametrize("symmetric", [False, True])
def test_softcon_has_the_gradient_of_its_value(randn, multi_hot, tiles, kind, symmetric):
    online, target = randn(2, 6, 2).requires_grad_().unbind()
    y = multi_hot(6, 3)
    assert torch.autograd.gradcheck(
        lambda z1, z2: softcon(z1, z2, y, temperature=0.5, soft_weight=0.7, kind=kind, symmetric=symmetric),
        (online, target),
    )


def test_the_labels_of_one_view_serve_both(randn, multi_hot):
    online, target, y = *randn(2, 6, 4), multi_hot(6, 3)
    torch.testing.assert_close(softcon(online, target, y), softcon(online, target, y, y))


def test_labels_of_any_number_type_are_the_same(randn, multi_hot):
    online, target, y = *randn(2, 6, 4), multi_hot(6, 3)
    for dtype in (torch.bool, torch.uint8, torch.float16, torch.float32):
        torch.testing.assert_close(softcon(online, target, y.to(dtype)), softcon(online, target, y), rtol=1e-6, atol=0)


def test_unlabelled_samples_stay_in_the_instance_term(randn, multi_hot):
    online, target, y = *randn(2, 6, 4), multi_hot(6, 3)
    instance = softcon(online, target, y, soft_weight=0.0)
    assert float(instance) == pytest.approx(instance_by_hand(unit(online), unit(target), 0.1))
    torch.testing.assert_close(softcon(online, target, torch.zeros_like(y)), instance)


def test_without_a_gradient_in_the_target_there_is_none(randn, multi_hot):
    online, target, y = *randn(2, 6, 4), multi_hot(6, 3)
    online.requires_grad_()
    softcon(online, target, y, symmetric=True).backward()
    assert target.grad is None
    assert float(online.grad.norm()) > 0


def test_a_single_pair_has_no_instance_term(tiles):
    online, target = torch.randn(2, 1, 4, requires_grad=True).unbind()
    assert float(softcon(online, target, torch.zeros(1, 3)).detach()) == 0.0
    soft = F.softplus(-F.cosine_similarity(online, target)).sum()
    torch.testing.assert_close(softcon(online, target, torch.ones(1, 3)), 0.1 * soft)


def test_modules_remember_their_constants(pairs, multi_hot):
    z1, z2, targets, valid = pairs
    y1, y2 = multi_hot(7, 3), multi_hot(7, 3, seed=1)
    constants = {"temperature": 0.2, "soft_weight": 0.5, "kind": "jaccard", "symmetric": True, "normalize": False}
    torch.testing.assert_close(SoftConLoss(**constants)(z1, z2, y1, y2), softcon(z1, z2, y1, y2, **constants))
    torch.testing.assert_close(
        SoftContrastLoss(normalize=False)(z1, z2, targets, valid),
        soft_contrast(z1, z2, targets, valid=valid, normalize=False),
    )
    assert "temperature=0.2, soft_weight=0.5, kind='jaccard', symmetric=True" in repr(SoftConLoss(**constants))


Z, Y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.ones(4, 2)


@pytest.mark.parametrize(
    ("arguments", "constants", "message"),
    [
        (
            (Z, Z[:3], Y),
            {},
            r"online and target must both be \(B, D\), rows matching, no axis empty, got \(4, 3\) and \(3",
        ),
        ((Z, Z.log(), Y), {}, "target must be finite, got NaN or infinity"),
        ((Z, Z, Y[:3]), {}, "labels1 must have one row for each of the 4 samples, got 3"),
        ((Z, Z, Y, Y[:3]), {}, "labels2 must have one row for each of the 4 samples, got 3"),
        ((Z, Z, Y[:, 0]), {}, r"labels1 must be \(B, K\) with no empty axis, got \(4,\)"),
        ((Z, Z, Y, 2 * Y), {}, "labels2 must be multi-hot labels of 0 and 1, got 2"),
        ((Z, Z, Y, Y[:, :1]), {}, r"labels1 and labels2 must have the same K classes, got \(4, 2\) and \(4, 1\)"),
        ((Z, Z, Y), {"temperature": -1.0}, "temperature must be a finite number > 0, got -1.0"),
        ((Z, Z, Y), {"kind": "overlaps"}, r"unknown kind 'overlaps', did you mean 'overlap'\?"),
        ((Z, Z, Y), {"soft_weight": -0.1}, "soft_weight must be a finite number >= 0, got -0.1; 0.1 is usual"),
    ],
)
def test_softcon_refuses(arguments, constants, message):
    with pytest.raises(ValueError, match=message):
        softcon(*arguments, **constants)


@pytest.mark.parametrize("constants", [{"temperature": 0.0}, {"kind": "dice"}, {"soft_weight": math.nan}])
def test_the_module_refuses_bad_constants_at_once(constants):
    with pytest.raises(ValueError, match=next(iter(constants))):
        SoftConLoss(**constants)


@pytest.mark.parametrize(
    ("targets", "valid", "message"),
    [
        (
            torch.zeros(4, 3),
            None,
            r"targets must be \(4, 4\), samples of this process by samples of all .* got \(4, 3\)",
        ),
        (
            torch.full((4, 4), 1.5),
            None,
            r"targets must be finite and in \[0, 1\], got 1.5 to 1.5; divide similarities by",
        ),
        (torch.full((4, 4), torch.nan), None, r"targets must be finite and in \[0, 1\], got nan to nan"),
        (torch.zeros(4, 4), torch.ones(4, 3).bool(), r"valid must be \(4, 4\)"),
        (torch.zeros(4, 4), torch.ones(4, 4), "valid must be bool, which pairs count, got torch.float32; weigh pairs"),
    ],
)
def test_soft_contrast_refuses(targets, valid, message):
    with pytest.raises(ValueError, match=message):
        soft_contrast(Z, Z, targets, valid=valid)
