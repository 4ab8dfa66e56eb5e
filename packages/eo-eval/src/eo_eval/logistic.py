"""Regularised logistic regression by L-BFGS, in coordinates where it takes few steps."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_NOISE = 1e-7  # variance, relative to the largest, below which float32 features carry nothing


@dataclass(frozen=True)
class Basis:
    """Standardised features, turned to their principal axes.

    A rotation changes neither the fit nor its penalty, but it makes the Hessian nearly diagonal, and with each axis
    scaled by it L-BFGS needs tens of steps where it needed thousands. Axes without variance are left out: the optimum
    has no weight on them.
    """

    mean: Tensor
    std: Tensor
    axes: Tensor  # (D, P)
    variance: Tensor  # (P,)

    @classmethod
    def of(cls, x: Tensor) -> "Basis":
        """The basis of these rows, (N, D)."""
        mean, std = x.mean(0), x.std(0, correction=0)
        std = torch.where(std > 0, std, 1)  # a constant feature stays, at zero
        z = (x - mean) / std
        variance, axes = torch.linalg.eigh(z.T @ z / len(z))
        kept = variance > _NOISE * variance.max()
        return cls(mean, std, axes[:, kept], variance[kept])

    def __call__(self, x: Tensor) -> Tensor:
        """(N, D) to (N, P + 1), the last column being ones for the bias."""
        return F.pad((x - self.mean) / self.std @ self.axes, (0, 1), value=1)


def fit_logistic(
    x: Tensor,
    target: Tensor,
    variance: Tensor,
    *,
    c: float,
    multilabel: bool,
    kept: Tensor | None = None,
    start: Tensor | None = None,
    tolerance: float = 1e-8,
) -> Tensor:
    """Weights that minimise c * sum of cross entropies + ||W||^2 / 2, for one or several choices of rows.

    Several fits (the folds of a cross-validation) are one problem with more outputs: nearly as many steps as a single
    one, and `x` is read once per step for all of them.

    Args:
        x: (N, P + 1), the last column ones.
        target: One-hot or multi-hot, (N, K).
        variance: Of the columns of `x` but the last, (P,).
        c: Inverse strength of the penalty, which spares the bias.
        multilabel: One sigmoid per class instead of a softmax over them.
        kept: Rows of each fit, (M, N) of 0 and 1; None is one fit on all rows.
        start: Weights to start from; None starts from zero.
        tolerance: Converged when a step lowers the mean loss by less.

    Returns:
        (K, M, P + 1), the last column being the bias. Classes lead because a softmax over the first axis of (K, M, N)
        runs at the speed of memory, over a short last axis it does not.
    """
    kept = torch.ones_like(x[:, 0])[None] if kept is None else kept
    size = kept.sum(1, keepdim=True)  # (M, 1)
    share = kept / size  # what each row counts in the mean loss of each fit
    classes = target.shape[1]
    ridge = F.pad((1 / (c * size)).expand(-1, len(variance)), (0, 1))  # (M, P + 1)
    at_zero = 0.25 if multilabel else (classes - 1) / classes**2  # p (1 - p) where all classes are alike
    scale = (at_zero * F.pad(variance, (0, 1), value=1) + ridge).rsqrt()
    scaled = x.new_zeros(classes, *scale.shape) if start is None else start / scale
    truth = target.T[:, None].contiguous()  # (K, 1, N)
    optimizer = torch.optim.LBFGS(
        [scaled],
        max_iter=1000,
        tolerance_grad=100 * tolerance,
        tolerance_change=tolerance,
        line_search_fn="strong_wolfe",
    )

    def objective() -> float:
        theta = scaled * scale
        loss, residual = _cross_entropy(class_scores(x, theta), truth, multilabel)
        slope = (share * residual).flatten(0, 1) @ x
        scaled.grad = scale * (slope.view_as(theta) + ridge * theta)
        # Summed in float64: near the optimum a step gains less than float32 can tell.
        return float((share * loss).sum(dtype=torch.float64) + (ridge * theta.square()).sum(dtype=torch.float64) / 2)

    optimizer.step(objective)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return scaled * scale


def class_scores(x: Tensor, theta: Tensor) -> Tensor:
    """Logits (K, M, N) of rows (N, P + 1) under weights (K, M, P + 1)."""
    return (theta.flatten(0, 1) @ x.T).view(*theta.shape[:2], len(x))


def _cross_entropy(logits: Tensor, target: Tensor, multilabel: bool) -> tuple[Tensor, Tensor]:
    """The loss of each row, (M, N), and its gradient by the logits, (K, M, N)."""
    if multilabel:
        return (F.softplus(logits) - target * logits).sum(0), logits.sigmoid() - target
    total = logits.logsumexp(0)
    return total - (target * logits).sum(0), (logits - total).exp() - target
