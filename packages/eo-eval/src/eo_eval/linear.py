"""Linear probe: logistic regression on standardised frozen features, its regularisation chosen on other rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_eval.features import Features
from eo_eval.labels import check_pair, targets
from eo_eval.logistic import Basis, class_scores, fit_logistic
from eo_eval.metrics import measure, metrics_for
from eo_eval.score import Score, score_of
from eo_eval.subsets import fold_of_rows

C_VALUES = tuple(10.0 ** (half / 2) for half in range(-12, 9))  # 1e-6 to 1e4
PATIENCE = 3  # values of C in a row short of the best, after which weaker regularisation is not tried


def linear_probe(
    train: Features,
    test: Features,
    *,
    val: Features | None = None,
    c_values: Sequence[float] = C_VALUES,
    folds: int = 5,
    metric_batch: int | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> Score:
    """Multinomial (for multi-hot labels: per-class) logistic regression by L-BFGS.

    Minimises C * sum of cross entropies + ||W||^2 / 2 on features standardised by the train rows, bias unpenalised, as
    scikit-learn's `LogisticRegression` does, so `best_c` means the same. Values of C are tried from the smallest, each
    fit starting from the one before, until three in a row fall short of the best.

    Args:
        train: Features with labels, classes or multi-hot.
        test: What is scored; no choice depends on it.
        val: Where C is chosen; None chooses it by cross-validation on `train`, and fits once more on all of it.
        c_values: Inverse strengths of regularisation to try.
        folds: Of the cross-validation, stratified by class, no group split.
        metric_batch: See `eo_eval.metrics.estimate`.
        bootstrap: Number of resamples for the interval.
        seed: Of folds and resamples.
        device: Where to fit; None fits where the features are.

    Returns:
        Accuracy, or micro and macro mAP for multi-hot labels. Method `linear`.
    """
    classes = check_pair(train, test)
    if val is not None:
        check_pair(train, val)
    _check_fit(train, c_values, folds=None if val is not None else folds)
    assert train.y is not None
    basis = Basis.of(train.x.to(device))
    problem = Problem(basis, basis(train.x.to(device)), targets(train.y, classes).to(device), train.y.ndim == 2)
    if val is not None:
        assert val.y is not None
        selection = choose_c(problem, c_values, held_x=basis(val.x.to(device)), held_y=val.y)
    else:
        fold = fold_of_rows(train, folds, seed=seed)
        selection = choose_c(problem, c_values, held_x=problem.x, held_y=train.y, fold=fold)
    best_c = max(selection, key=lambda tried: (tried[1], -tried[0]))[0]
    theta = problem.fit(best_c)
    return score_of(
        test,
        problem.scores(basis(test.x.to(device)), theta)[0],
        method="linear",
        options={"best_c": best_c, "c_chosen_on": "val" if val is not None else f"{folds}-fold cross-validation"},
        selection=selection,
        metric_batch=metric_batch,
        bootstrap=bootstrap,
        seed=seed,
    )


@dataclass(frozen=True)
class Problem:
    """The train rows, in the coordinates that the fit likes."""

    basis: Basis
    x: Tensor
    target: Tensor
    multilabel: bool

    def fit(
        self, c: float, *, kept: Tensor | None = None, start: Tensor | None = None, tolerance: float = 1e-8
    ) -> Tensor:
        """Weights (K, M, P + 1) of the M fits that `kept` asks for."""
        return fit_logistic(
            self.x,
            self.target,
            self.basis.variance,
            c=c,
            multilabel=self.multilabel,
            kept=kept,
            start=start,
            tolerance=tolerance,
        )

    def scores(self, x: Tensor, theta: Tensor) -> Tensor:
        """Probabilities (M, N, K) of rows in these coordinates, on the CPU."""
        logits = class_scores(x, theta).permute(1, 2, 0).cpu()
        return logits.sigmoid() if self.multilabel else logits.softmax(2)


def choose_c(
    problem: Problem, c_values: Sequence[float], *, held_x: Tensor, held_y: Tensor, fold: Tensor | None = None
) -> tuple[tuple[float, float], ...]:
    """(C, headline metric on held-out rows) of each C tried, smallest first, until the last few fall short of the best.

    Args:
        problem: What is fitted.
        c_values: Values to try.
        held_x: Rows to choose by, (N, P + 1).
        held_y: Their labels.
        fold: Fold of each train row; the held-out rows are then these very rows, each scored by the fit that has not
            seen it. None fits on all train rows.
    """
    metric = metrics_for(held_y)[0]
    folds = torch.zeros(len(held_y), dtype=torch.int64) if fold is None else fold
    kept = None if fold is None else 1 - F.one_hot(fold).T.to(problem.x)
    theta, tried = None, list[tuple[float, float]]()
    for c in sorted(c_values):
        theta = problem.fit(c, kept=kept, start=theta, tolerance=1e-5)
        scores = problem.scores(held_x, theta)[folds, torch.arange(len(folds))]
        tried.append((c, measure(metric, scores, held_y)))
        best = max(score for _, score in tried)
        if len(tried) > PATIENCE and all(score < best for _, score in tried[-PATIENCE:]):
            break
    return tuple(tried)


def _check_fit(train: Features, c_values: Sequence[float], folds: int | None) -> None:
    if not c_values or min(c_values) <= 0:
        raise ValueError(f"c_values must be positive numbers, got {list(c_values)}")
    groups = len(set(train.groups))
    if folds is not None and not 2 <= folds <= groups:
        raise ValueError(f"folds must be between 2 and the {groups} train samples, got {folds}; or pass val=")
    assert train.y is not None
    if train.y.ndim == 1 and train.y.min() == train.y.max():
        raise ValueError(
            f"all {len(train)} train rows are of class {int(train.y[0])}; a probe needs two classes or more"
        )
