"""What a probe found: class scores of every test row, and the metrics of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from eo_eval.features import Features
from eo_eval.metrics import Estimate, estimate, metrics_for


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
