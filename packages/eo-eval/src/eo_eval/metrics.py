"""Accuracy, average precision and F1 with their bootstrap intervals.

Every metric takes one weight per row and resample, so that a bootstrap resample is a vector of counts and nothing is
sorted twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Metric = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Estimate:
    """A metric's value and its 95 % bootstrap interval, as fractions of one."""

    value: float
    low: float
    high: float


def accuracy(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Share of rows whose highest score is their class.

    Args:
        scores: Class scores, (N, K).
        y: Classes, (N,) int64.
        weights: How often each row counts, (R, N).

    Returns:
        One value per resample, (R,).
    """
    right = (scores.argmax(1) == y).to(weights.dtype)
    return (weights @ right) / weights.sum(1)


def average_accuracy(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Mean over classes of the share of their rows that is found; a class without a row is left out of the mean."""
    of = F.one_hot(y, scores.shape[1]).to(weights.dtype)
    found = of * (scores.argmax(1) == y).to(weights.dtype)[:, None]
    return ((weights @ found) / (weights @ of)).nanmean(1)


def macro_auprc(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Mean over classes of the average precision of their score among all rows, for rows of one class each."""
    return macro_map(scores, y if y.ndim == 2 else F.one_hot(y, scores.shape[1]), weights)


def macro_f1(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Mean over classes of 2 TP / (2 TP + FP + FN); a class that is nowhere and never predicted is left out."""
    both, either = _agreement(scores, y, weights)
    return (2 * both / either).nanmean(1)


def micro_f1(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN) of all (row, class) pairs together."""
    both, either = _agreement(scores, y, weights)
    return 2 * both.sum(1) / either.sum(1)


def _agreement(scores: Tensor, y: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """True positives, and predictions plus truths, of each class, both (R, K); multi-hot scores count above 0.5."""
    if y.ndim == 1:
        said, truth = (F.one_hot(of, scores.shape[1]).to(weights.dtype) for of in (scores.argmax(1), y))
    else:
        said, truth = (scores > 0.5).to(weights.dtype), y.to(weights.dtype)
    return weights @ (said * truth), weights @ (said + truth)


def micro_map(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Average precision of all (row, class) pairs ranked together; `scores` and multi-hot `y` are (N, K)."""
    return average_precision(scores.flatten(), y.flatten(), weights.repeat_interleave(scores.shape[1], dim=1))


def macro_map(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Mean over classes of their average precision; a class without a positive row is left out of the mean."""
    each = [average_precision(scores[:, k], y[:, k], weights) for k in range(scores.shape[1])]
    return torch.stack(each).nanmean(0)


def average_precision(scores: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Mean, over the positive rows, of the precision at their score (rows of equal score share one threshold).

    Args:
        scores: (N,), the higher the surer.
        y: 1 for positive rows, else 0, (N,).
        weights: How often each row counts, (R, N).

    Returns:
        One value per resample, (R,); NaN where no positive row counts.
    """
    order = scores.argsort(descending=True)
    falling = -scores[order]
    last = torch.searchsorted(falling, falling, right=True) - 1  # where the rows of this score end
    weights = weights[:, order]
    positive = weights * y[order].to(weights.dtype)
    precision = (positive.cumsum(1) / weights.cumsum(1).clamp_min(1e-12))[:, last]
    return (positive * precision).sum(1) / positive.sum(1)


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "average_accuracy": average_accuracy,
    "macro_AUPRC": macro_auprc,
    "macro_F1": macro_f1,
    "micro_F1": micro_f1,
    "micro_mAP": micro_map,
    "macro_mAP": macro_map,
}
OF_CLASSES_FOUND = {"accuracy", "average_accuracy"}
"""Metrics that only ask of a row whether it was found: without a background class, its rows go too."""


def metrics_for(y: Tensor) -> tuple[str, ...]:
    """Names of the metrics that fit these labels, the headline first: (N,) classes or (N, K) multi-hot."""
    return ("accuracy",) if y.ndim == 1 else ("micro_mAP", "macro_mAP")


def measure(name: str, scores: Tensor, y: Tensor) -> float:
    """One metric over the whole set."""
    return float(METRICS[name](scores, y, torch.ones(1, len(y), dtype=torch.float64)))


def estimate(
    name: str,
    scores: Tensor,
    y: Tensor,
    *,
    groups: Sequence[str] | None = None,
    batch: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A metric with its 95 % percentile-bootstrap interval.

    Args:
        name: A key of `METRICS`.
        scores: (N, K).
        y: (N,) int64, or (N, K) multi-hot.
        groups: Rows of the same group (the seasons of one place) are drawn together; None draws single rows.
        batch: Average the metric over consecutive batches of this many rows, the last incomplete one dropped, as
            published code often does; batches are then what is drawn. None measures over the whole set.
        resamples: Number of bootstrap resamples.
        seed: Of the resampling.
    """
    generator = torch.Generator().manual_seed(seed)
    if batch is not None and len(y) >= 2 * batch:
        starts = range(0, len(y) - batch + 1, batch)
        values = torch.tensor(
            [measure(name, scores[i : i + batch], y[i : i + batch]) for i in starts], dtype=torch.float64
        )
        drawn = values[torch.randint(len(values), (resamples, len(values)), generator=generator)].nanmean(1)
        return _interval(float(values.nanmean()), drawn)
    group = _group_index(groups, len(y))
    pieces = [METRICS[name](scores, y, weights) for weights in _counts(group, scores.numel(), resamples, generator)]
    return _interval(measure(name, scores, y), torch.cat(pieces))


def per_class(scores: Tensor, y: Tensor) -> Tensor:
    """Accuracy of each class (its recall), or its average precision for multi-hot labels; NaN without a row."""
    classes = range(scores.shape[1])
    if y.ndim == 1:
        right = (scores.argmax(1) == y).double()
        return torch.stack([right[y == k].mean() for k in classes])
    once = torch.ones(1, len(y), dtype=torch.float64)
    return torch.cat([average_precision(scores[:, k], y[:, k], once) for k in classes])


def _group_index(groups: Sequence[str] | None, rows: int) -> Tensor:
    if groups is None:
        return torch.arange(rows)
    number = {name: i for i, name in enumerate(dict.fromkeys(groups))}
    return torch.tensor([number[name] for name in groups])


def _counts(group: Tensor, numel: int, resamples: int, generator: torch.Generator) -> Iterator[Tensor]:
    """How often each row was drawn, (R, N) at a time, as many resamples at once as a few tens of MB hold."""
    groups = int(group.max()) + 1
    step = max(1, 2**22 // numel)
    for start in range(0, resamples, step):
        drawn = torch.randint(groups, (min(step, resamples - start), groups), generator=generator)
        ones = torch.ones_like(drawn, dtype=torch.float64)
        yield torch.zeros(len(drawn), groups, dtype=torch.float64).scatter_add_(1, drawn, ones)[:, group]


def _interval(value: float, drawn: Tensor) -> Estimate:
    low, high = torch.nanquantile(drawn, torch.tensor([0.025, 0.975], dtype=drawn.dtype)).tolist()
    return Estimate(value, low, high)
