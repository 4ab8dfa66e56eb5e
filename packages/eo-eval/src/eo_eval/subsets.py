"""How labelled rows are dealt into folds and fractions: by group, so that the seasons of a place stay together."""

from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

from eo_eval.features import Features


def fold_of_rows(features: Features, folds: int, *, seed: int = 0) -> Tensor:
    """(N,) the fold of each row, for cross-validation.

    Groups are shuffled, sorted by class and dealt like cards: every fold gets each class as often as the next, give or
    take one, and no group falls into two folds. Multi-label groups are dealt without regard to their labels.
    """
    first = _first_rows(features)
    shuffled = torch.randperm(len(first), generator=torch.Generator().manual_seed(seed))
    if features.y is not None and features.y.ndim == 1:
        label = features.y[torch.tensor(list(first.values()))]
        shuffled = shuffled[label[shuffled].argsort(stable=True)]
    dealt = torch.empty(len(first), dtype=torch.int64)
    dealt[shuffled] = torch.arange(len(first)) % folds
    number = {name: i for i, name in enumerate(first)}
    return dealt[torch.tensor([number[name] for name in features.groups])]


def take_fraction(features: Features, fraction: float, *, seed: int = 0, replacement: bool = False) -> Features:
    """A share of the labelled rows.

    Stratified by class, nested (a smaller fraction lies in every larger one), with at least one group of each class: a
    pure function of ids and seed.

    Args:
        features: With labels.
        fraction: In (0, 1].
        seed: Of the drawing.
        replacement: Draw single rows with replacement instead, as SSL4EO-S12's transfer code does:
            `default_rng(seed).choice(N, int(fraction * N))`.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1], got {fraction}")
    if fraction == 1:
        return features
    if replacement:
        drawn = np.random.default_rng(seed).choice(len(features), max(1, int(fraction * len(features))))
        return features[torch.from_numpy(drawn)]
    order = sorted(_first_rows(features), key=lambda name: blake2b(f"{seed}:{name}".encode()).digest())
    strata = _by_class(features, order) if features.y is not None and features.y.ndim == 1 else [order]
    kept = {name for groups in strata for name in groups[: max(1, round(fraction * len(groups)))]}
    kept |= _one_of_each(features, order)
    return features[torch.tensor([name in kept for name in features.groups])]


def _first_rows(features: Features) -> dict[str, int]:
    """The first row of each group."""
    first: dict[str, int] = {}
    for row, name in enumerate(features.groups):
        first.setdefault(name, row)
    return first


def _by_class(features: Features, order: list[str]) -> list[list[str]]:
    first = _first_rows(features)
    assert features.y is not None
    label = features.y.tolist()
    strata: dict[int, list[str]] = {}
    for name in order:
        strata.setdefault(label[first[name]], []).append(name)
    return list(strata.values())


def _one_of_each(features: Features, order: list[str]) -> set[str]:
    """For every class of multi-hot labels, the first group in the drawn order that has it."""
    if features.y is None or features.y.ndim == 1:
        return set()
    first = _first_rows(features)
    y = features.y[torch.tensor([first[name] for name in order])] > 0
    return {order[int(column.int().argmax())] for column in y.T if column.any()}
