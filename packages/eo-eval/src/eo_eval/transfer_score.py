"""What a fine-tuned model says of a set, and what that is worth by the recipe's way of measuring."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from eo_eval.change import measure_change
from eo_eval.confusion import confusion
from eo_eval.described import described
from eo_eval.features import frozen
from eo_eval.metrics import Estimate
from eo_eval.score import Score, measured_by
from eo_eval.segmentation import Segmentation, measure_maps, segment
from eo_eval.transfer_setup import TransferSetup
from eo_eval.transfer_task import Recipe, Transfer
from eo_models import Model
from eo_models.meanings import IGNORE
from eo_train import Inputs
from eo_train.loader import collate
from eo_train.task import target_of

METRICS = {"classes": ("accuracy",), "labels": ("micro_mAP", "macro_mAP")}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a trained model said of a set, and what that is worth."""

    metrics: Mapping[str, Estimate]
    ids: tuple[str, ...]
    scores: Tensor
    """(N, K) probabilities of the labelled images; of masks the confusion matrix of each image, (N, K, K)."""
    y: Tensor
    """Their labels, (N,) or (N, K); empty of masks."""
    maps: Segmentation | None = None
    """Of a task of maps."""


def score(model: Model, dataset: Dataset[Any], *, task: Transfer, recipe: Recipe, setup: TransferSetup) -> Scored:
    """What a trained model gets right, by the recipe's way of measuring."""
    asked: dict[str, Any] = {"batch": recipe.metric_batch, "bootstrap": setup.bootstrap, "seed": recipe.seed}
    if task.measure == "maps":
        found = segment(model, dataset, batch_size=recipe.batch_size, num_workers=setup.engine.num_workers)
        measures = measure_maps(found, **asked)
        return Scored(metrics=measures, ids=found.ids, scores=found.counts, y=torch.empty(0), maps=found)
    ids, logits, targets = answers(model, dataset, task=task, recipe=recipe, setup=setup)
    if task.measure == "change":
        return Scored(metrics=measure_change(logits, **asked), ids=ids, scores=logits, y=targets)
    known = (targets != IGNORE).nonzero().flatten().tolist() if targets.ndim == 1 else list(range(len(targets)))
    if not known:
        raise ValueError(f"no image of {task.name} {described(dataset, 'split')} has a class: all labels are {IGNORE}")
    assert model.head is not None
    answer = Score(method="", metrics={}, scores=model.head.activate(logits)[known], y=targets[known], options={})
    kept = tuple(ids[row] for row in known)
    measured = measured_by(
        answer,
        task.metrics or METRICS[task.measure],
        groups=kept,
        background=task.background,
        metric_batch=recipe.metric_batch,
        bootstrap=setup.bootstrap,
        seed=recipe.seed,
    ).metrics
    return Scored(metrics=measured, ids=kept, scores=answer.scores, y=answer.y)


def answers(
    model: Model, dataset: Dataset[Any], *, task: Transfer, recipe: Recipe, setup: TransferSetup
) -> tuple[tuple[str, ...], Tensor, Tensor]:
    """Ids, logits (N, K) and labels of every image; of masks the confusion matrix (N, 2, 2) of each, and nothing."""
    device = next(model.parameters()).device
    inputs = Inputs(model.backbone, recipe.inputs).to(device)
    loader = DataLoader(dataset, recipe.batch_size, collate_fn=collate, num_workers=setup.engine.num_workers)
    said, truth, ids = list[Tensor](), list[Tensor](), list[str]()
    with frozen(model):
        for batch in loader:
            moved = {key: value.to(device) if isinstance(value, Tensor) else value for key, value in batch.items()}
            logits, target = model(inputs(moved)).cpu(), target_of(batch)
            ids += batch.get("id", [str(len(ids) + row) for row in range(len(target))])
            if task.measure == "change":
                changed = (logits[:, 0] > 0).long()
                said += [confusion(p, t, 2, ignore=IGNORE) for p, t in zip(changed, target, strict=True)]
            else:
                said += [logits.float()]
                truth += [target]
    if task.measure == "change":
        return tuple(ids), torch.stack(said), torch.empty(0)
    return tuple(ids), torch.cat(said), torch.cat(truth)
