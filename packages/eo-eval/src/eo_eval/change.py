"""Precision, recall and F1 of change from confusion matrices: of a whole set, or as means over batches."""

import torch
from torch import Tensor

from eo_eval.metrics import Estimate

NAMES = ("F1", "precision", "recall")


def precision_recall_f1(counts: Tensor) -> Tensor:
    """Of class 1, from (..., 2, 2) confusion matrices (true class by predicted class): (..., 3) F1, precision, recall.

    Where a denominator is 0, the value is 0.
    """
    found, false, missed = counts[..., 1, 1], counts[..., 0, 1], counts[..., 1, 0]
    shares = [(2 * found, 2 * found + false + missed), (found, found + false), (found, found + missed)]
    return torch.stack([part / whole.clamp_min(1) for part, whole in shares], dim=-1)


def measure_change(
    counts: Tensor, *, batch: int | None = None, bootstrap: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """F1, precision and recall of change with their 95 % intervals.

    Args:
        counts: Confusion matrix of each image, (N, 2, 2).
        batch: Shuffle the images, measure each batch of so many, drop the last incomplete one and take the mean, as
            SeCo's code does; batches are then what is drawn for the interval. None counts all pixels together, and
            draws images.
        bootstrap: Resamples.
        seed: Of shuffling and resampling.
    """
    generator = torch.Generator().manual_seed(seed)
    counts = counts.double()
    if batch is None or len(counts) < batch:
        return _named(precision_recall_f1(counts.sum(0)), precision_recall_f1(_resampled(counts, bootstrap, generator)))
    whole = len(counts) // batch * batch
    shuffled = counts[torch.randperm(len(counts), generator=generator)[:whole]]
    each = precision_recall_f1(shuffled.view(-1, batch, 2, 2).sum(1))
    return _named(each.mean(0), _resampled(each, bootstrap, generator) / len(each))


def _resampled(parts: Tensor, times: int, generator: torch.Generator) -> Tensor:
    """Sums of as many parts, drawn with replacement, `times` over."""
    drawn = torch.randint(len(parts), (times, len(parts)), generator=generator)
    return torch.stack([parts[rows].sum(0) for rows in drawn])


def _named(values: Tensor, drawn: Tensor) -> dict[str, Estimate]:
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=drawn.dtype), dim=0)
    return {
        name: Estimate(*triple)
        for name, *triple in zip(NAMES, values.tolist(), low.tolist(), high.tolist(), strict=True)
    }
