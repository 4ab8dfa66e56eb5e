import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eo_eval.features import Features
from eo_eval.subsets import fold_of_rows, take_fraction


def features(y, groups=()):
    y = torch.as_tensor(y)
    return Features(x=torch.arange(float(len(y)))[:, None], y=y, groups=tuple(groups))


def test_folds_hold_each_class_alike():
    y = torch.tensor([0] * 53 + [1] * 11 + [2] * 36)
    fold = fold_of_rows(features(y), 5)
    for k in range(3):
        counts = fold[y == k].bincount(minlength=5)
        assert counts.max() - counts.min() <= 1


def test_no_group_is_split():
    groups = [f"place{i // 4}" for i in range(80)]
    fold = fold_of_rows(features(torch.zeros(80, 3), groups), 5)
    assert all(len(set(fold[i : i + 4].tolist())) == 1 for i in range(0, 80, 4))
    assert fold.bincount().tolist() == [16] * 5


def test_folds_depend_on_the_seed_alone():
    made = features(torch.arange(60) % 3)
    assert torch.equal(fold_of_rows(made, 5, seed=1), fold_of_rows(made, 5, seed=1))
    assert not torch.equal(fold_of_rows(made, 5, seed=1), fold_of_rows(made, 5, seed=2))


@given(st.floats(0.001, 1), st.floats(0.001, 1), st.integers(0, 5))
def test_fractions_are_nested_stratified_and_hold_every_class(one, other, seed):
    made = features([0] * 60 + [1] * 30 + [2] * 2)
    small, large = (take_fraction(made, f, seed=seed) for f in sorted((one, other)))
    assert set(small.ids) <= set(large.ids)
    assert set(small.y.tolist()) == {0, 1, 2}
    assert small.y.bincount().tolist() == [max(1, round(min(one, other) * count)) for count in (60, 30, 2)]


def test_a_fraction_is_a_function_of_ids_not_of_their_order():
    made = features(torch.arange(40) % 4)
    shuffled = made[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    assert set(take_fraction(made, 0.3).ids) == set(take_fraction(shuffled, 0.3).ids)


def test_a_fraction_of_multi_hot_labels_takes_whole_groups_and_every_class():
    y = torch.zeros(80, 3)
    y[:, 0], y[40, 1], y[77, 2] = 1, 1, 1
    groups = [f"place{i // 2}" for i in range(80)]
    for seed in range(5):
        small = take_fraction(features(y, groups), 0.1, seed=seed)
        assert {group: small.groups.count(group) for group in small.groups} == dict.fromkeys(small.groups, 2)
        assert 0 < small.y[:, 1].sum() <= 1
        assert 4 <= len(set(small.groups)) <= 7


def test_with_replacement_as_published_code_draws():
    made = features(torch.arange(50) % 5)
    drawn = np.random.default_rng(42).choice(50, 5)
    assert take_fraction(made, 0.1, seed=42, replacement=True).x.flatten().tolist() == drawn.tolist()
    assert take_fraction(made, 1, seed=42, replacement=True) is made


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match=rf"fraction must be in \(0, 1\], got {fraction}"):
        take_fraction(features([0, 1]), fraction)
