"""The classifier that a SupConCE run has trained itself, scored on a benchmark."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from torch.utils.data import Dataset

from eo_eval.benchmarks import get_benchmark
from eo_eval.features import frozen
from eo_eval.feed import open_feed
from eo_eval.metrics import Estimate, metrics_for
from eo_eval.score import Score, measured_by
from eo_eval.setup import Setup
from eo_models import create_model
from eo_train import METHODS, SupConCE
from eo_train.checkpoint import checkpoints
from eo_train.config import build


def load_classifier(run: str | os.PathLike[str]) -> SupConCE:
    """The backbone of a SupConCE run with the projections and the classifier that were trained on it.

    Raises:
        ValueError: A run of another method.
        FileNotFoundError: A run without a checkpoint.
    """
    folder = Path(run)
    described: Mapping[str, Any] = yaml.safe_load((folder / "config.yaml").read_text())["method"]
    if described["name"] != "supcon_ce":
        raise ValueError(f"{folder} was trained by {described['name']}, which has no classifier; probe its backbone")
    found = checkpoints(folder / "checkpoints")
    if not found:
        raise FileNotFoundError(f"{folder} has no checkpoint, which holds the classifier; train it first")
    method: SupConCE = build(described, METHODS, create_model(folder))
    method.load_state_dict(torch.load(found[-1], weights_only=True, map_location="cpu")["method"])
    return method.eval()


def score_classifier(
    run: str | os.PathLike[str],
    benchmark: str,
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    setup: Setup | None = None,
) -> dict[str, Estimate]:
    """What the classifier of a run is worth on a benchmark, by its metrics.

    Args:
        run: Folder of a SupConCE run.
        benchmark: A name in `BENCHMARKS`.
        root: Folder of the data.
        split: What is scored; None is the benchmark's own.
        setup: Batch size, readers, bootstrap, seed.
    """
    task, setup, method = get_benchmark(benchmark), setup or Setup(), load_classifier(run)
    backbone = method.backbone
    dataset = task.load(root, task.check_split(split), sensor=backbone.sensor, bands=backbone.bands)
    scores, y = _answers(method, dataset, setup)
    answer = Score(method="classifier", metrics={}, scores=scores, y=y, options={})
    metrics = task.metrics or metrics_for(y)
    rows = [str(row) for row in range(len(y))]
    found = measured_by(
        answer, metrics, groups=rows, background=task.background, bootstrap=setup.bootstrap, seed=setup.seed
    )
    return dict(found.metrics)


def _answers(method: SupConCE, dataset: Dataset[Any], setup: Setup) -> tuple[Tensor, Tensor]:
    """Probabilities (N, K) and labels of the images that have a class."""
    feed = open_feed(
        method.backbone,
        dataset,
        batch_size=setup.batch_size,
        num_workers=setup.num_workers,
        image_size=setup.image_size,
        bands=None,
        select_bands=False,
        normalization=setup.steps,
        seasons="first",
    )
    said, truth = list[Tensor](), list[Tensor]()
    with frozen(method):
        for batch in feed:
            images = batch.images if isinstance(batch.images, dict) else {"image": batch.images}
            logits = torch.stack(list(method.classify(images).values())).mean(0)
            said.append((logits.sigmoid() if batch.y is not None and batch.y.ndim == 2 else logits.softmax(1)).cpu())
            truth += [] if batch.y is None else [batch.y]
    y = torch.cat(truth)
    known = y >= 0 if y.ndim == 1 else torch.ones(len(y), dtype=torch.bool)
    return torch.cat(said)[known], y[known]
