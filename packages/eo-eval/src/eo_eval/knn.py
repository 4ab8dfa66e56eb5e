"""k nearest neighbours on frozen features: nothing is trained, so nothing can be tuned."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_eval.features import Features
from eo_eval.labels import check_pair, targets
from eo_eval.score import Score, score_of

Metric = Literal["cosine", "euclidean"]
Weighting = Literal["distance", "uniform", "softmax"]

_CLOSEST = 1e-6  # float32 cannot tell smaller distances from none; equal rows weigh a million times a far one
_TILE = 2**25  # similarities held at once


def knn(
    train: Features,
    test: Features,
    *,
    k: int = 20,
    metric: Metric = "cosine",
    weighting: Weighting = "distance",
    temperature: float = 0.07,
    metric_batch: int | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> Score:
    """Each test row takes the weighted mean of its k nearest train rows' labels.

    Args:
        train: Features with labels, classes or multi-hot.
        test: Features with labels of the same kind.
        k: Number of neighbours, at most the number of train rows.
        metric: `cosine` distance (1 - cosine) or `euclidean` distance.
        weighting: `distance` weighs a neighbour by 1 / distance, `uniform` all alike, `softmax` by
            exp(similarity / temperature), as DINO does (arXiv 2104.14294), and is for the cosine.
        temperature: Of `softmax`.
        metric_batch: See `eo_eval.metrics.estimate`.
        bootstrap: Number of resamples for the interval.
        seed: Of the resampling; kNN itself has no chance in it.
        device: Where the similarities are computed; None leaves them where the features are.

    Returns:
        Accuracy, or micro and macro mAP for multi-hot labels. Method `knn<k>`.
    """
    classes = check_pair(train, test)
    _check_choices(metric, weighting)
    if not 1 <= k <= len(train):
        raise ValueError(f"k must be between 1 and the {len(train)} train rows, got {k}")
    assert train.y is not None
    distance, index = nearest(train.x, test.x, k=k, metric=metric, device=device)
    weights = _weights(distance, weighting, temperature)
    votes = (weights[:, :, None] * targets(train.y, classes)[index]).sum(1)
    options = {"knn_k": k, "knn_metric": metric, "knn_weighting": weighting}
    return score_of(
        test,
        votes,
        method=f"knn{k}",
        options=options | ({"knn_t": temperature} if weighting == "softmax" else {}),
        metric_batch=metric_batch,
        bootstrap=bootstrap,
        seed=seed,
    )


def nearest(
    train: Tensor, test: Tensor, *, k: int, metric: Metric = "cosine", device: str | torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Distances and train rows of the k nearest neighbours of each test row, nearest first; both (N_test, k)."""
    train, test = train.to(device), test.to(device)
    if metric == "cosine":
        train, test = F.normalize(train, dim=1), F.normalize(test, dim=1)
    else:  # distances do not mind a shift, and float32 cancels less around the mean
        train, test = train - train.mean(0), test - train.mean(0)
    square = train.square().sum(1)
    found, step = [], max(1, _TILE // len(train))
    for start in range(0, len(test), step):
        rows = test[start : start + step]
        far = 1 - rows @ train.T if metric == "cosine" else square - 2 * rows @ train.T
        distance, index = far.topk(k, dim=1, largest=False)
        if metric == "euclidean":
            distance = (distance + rows.square().sum(1, keepdim=True)).clamp_min(0).sqrt()
        found.append((distance.clamp_min(0).cpu(), index.cpu()))
    distances, indices = zip(*found, strict=True)
    return torch.cat(distances), torch.cat(indices)


def _weights(distance: Tensor, weighting: Weighting, temperature: float) -> Tensor:
    """(N, k), each row summing to one."""
    if weighting == "softmax":
        return ((1 - distance) / temperature).softmax(1)
    weights = torch.ones_like(distance) if weighting == "uniform" else 1 / distance.clamp_min(_CLOSEST)
    return weights / weights.sum(1, keepdim=True)


def _check_choices(metric: str, weighting: str) -> None:
    for name, value, known in (
        ("metric", metric, ("cosine", "euclidean")),
        ("weighting", weighting, ("distance", "uniform", "softmax")),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
    if weighting == "softmax" and metric != "cosine":
        raise ValueError(f"weighting 'softmax' is of cosine similarities, got metric {metric!r}")
