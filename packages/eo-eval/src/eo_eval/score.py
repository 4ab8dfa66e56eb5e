"""What a probe found: class scores of every test row, and the metrics of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch.nn.functional as F
from torch import Tensor

from eo_eval.features import Features
from eo_eval.metrics import OF_CLASSES_FOUND, Estimate, estimate, metrics_for


@dataclass(frozen=True, kw_only=True)
class Score:
    """The outcome of one probe on one test set."""

    method: str
    """`knn20`, `linear`, ..."""
    metrics: Mapping[str, Estimate]
    """By name, the headline first."""
    scores: Tensor
    """(N, K) class scores of the test rows."""
    y: Tensor
    """(N,) classes or (N, K) multi-hot, of the test rows."""
    options: Mapping[str, str | int | float]
    """What was chosen or found on the way, under the names of result rows: knn_k, best_c, ..."""
    selection: tuple[tuple[float, float], ...] = field(default=())
    """(C, score) of every regularisation that was tried; empty for kNN."""

    @property
    def headline(self) -> tuple[str, Estimate]:
        """Name and value of the first metric."""
        return next(iter(self.metrics.items()))


def score_of(
    test: Features,
    scores: Tensor,
    *,
    method: str,
    options: Mapping[str, str | int | float],
    selection: tuple[tuple[float, float], ...] = (),
    metric_batch: int | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Score:
    """Class scores of a test set, measured by every metric that fits its labels."""
    assert test.y is not None
    measured = {
        name: estimate(name, scores, test.y, groups=test.groups, batch=metric_batch, resamples=bootstrap, seed=seed)
        for name in metrics_for(test.y)
    }
    return Score(method=method, metrics=measured, scores=scores, y=test.y, options=options, selection=selection)


def measured_by(
    score: Score,
    metrics: Sequence[str],
    *,
    groups: Sequence[str],
    background: int | None = None,
    metric_batch: int | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Score:
    """The same class scores under other metrics.

    Args:
        score: What a probe found.
        metrics: Names, the headline first.
        groups: Of the test rows.
        background: A class that the averages leave out, though rows may be taken for it.
        metric_batch, bootstrap, seed: As for `eo_eval.metrics.estimate`.
    """
    measured = {}
    for name in metrics:
        scores, y, of = score.scores, score.y, list(groups)
        if background is not None and name in OF_CLASSES_FOUND:
            kept = (y != background).nonzero().flatten().tolist()
            scores, y, of = scores[kept], y[kept], [of[row] for row in kept]
        elif background is not None:
            scores, y = _without(background, scores, y)
        measured[name] = estimate(name, scores, y, groups=of, batch=metric_batch, resamples=bootstrap, seed=seed)
    return replace(score, metrics=measured)


def _without(background: int, scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Class by class, without one of the classes; its rows stay, as rows without any class."""
    y = F.one_hot(y, scores.shape[1]) if y.ndim == 1 else y
    kept = [k for k in range(scores.shape[1]) if k != background]
    return scores[:, kept], y[:, kept]
