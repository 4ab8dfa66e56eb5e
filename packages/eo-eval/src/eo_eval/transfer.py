"""One model on one transfer task: fine-tune by the switches of a protocol, score, and rows that say how."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from eo_eval.metrics import Estimate
from eo_eval.rows import Row
from eo_eval.store import save_answers, save_maps
from eo_eval.transfer_model import adopt_normalization, open_model
from eo_eval.transfer_rows import facts_of, rows_of
from eo_eval.transfer_score import Scored, score
from eo_eval.transfer_setup import TransferSetup
from eo_eval.transfer_task import Recipe, Transfer
from eo_eval.transfer_tasks import get_transfer
from eo_models import Model
from eo_train import FinetuneConfig, finetune


@dataclass(frozen=True, kw_only=True)
class Transferred:
    """What a model was worth on a task."""

    rows: tuple[Row, ...]
    metrics: Mapping[str, Estimate]
    """By name, the headline first."""
    model: Model
    folder: Path
    """The run directory of the fine-tuning."""
    scored: Scored
    classes: tuple[str, ...] = ()

    def save_answers(self) -> Path | None:
        """Writes what the report draws beside the run: maps, or the answers of a task whose classes have names."""
        if self.scored.maps is not None:
            return save_maps(self.scored.maps, self.rows, self.folder)[-1]
        if not self.classes:
            return None
        scored = self.scored
        return save_answers(self.rows, scored.scores, scored.y, self.folder, ids=scored.ids, classes=self.classes)


def transfer(
    name: str | Path,
    benchmark: str,
    root: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str],
    split: str | None = None,
    random: bool = False,
    setup: TransferSetup | None = None,
    data: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> Transferred:
    """Fine-tunes a model on a benchmark and scores it.

    Args:
        name: Folder of a run, published weights, or with `random` an architecture.
        benchmark: A name in `TRANSFERS`.
        root: Folder of the data.
        output: Run directory of the fine-tuning.
        split: What is scored; None is the protocol's own.
        random: Random weights; of a run or of published weights, its baseline.
        setup: What is changed of the protocol.
        data: More arguments of the data set, such as where labels lie.
        resume: Go on where an earlier call was stopped.
    """
    task, setup = get_transfer(benchmark), setup or TransferSetup()
    recipe = setup.recipe(task)
    recipe = replace(recipe, data={**recipe.data, **(data or {})})
    split = split or recipe.split
    if split not in task.splits:
        raise ValueError(f"{task.name} can be scored on {' or '.join(task.splits[1:])}, got split {split!r}")
    model, notes = open_model(name, task, random=random, seed=recipe.seed, setup=setup)
    bands: Any = task.bands if task.equivalents else model.backbone.bands
    test = task.open(Path(root), split, bands, **recipe.data)
    arguments = {**recipe.data, **recipe.train_data}
    if recipe.fraction < 1 or recipe.replacement:
        arguments |= {"fraction": recipe.fraction, "replacement": recipe.replacement, "seed": recipe.seed}
    train = task.open(Path(root), "train", bands, **arguments)
    return transfer_datasets(
        model,
        train,
        test,
        task=task,
        recipe=recipe,
        setup=setup,
        output=output,
        split=split,
        notes=notes,
        resume=resume,
    )


def transfer_datasets(
    model: Model,
    train: Dataset[Any],
    test: Dataset[Any],
    *,
    task: Transfer,
    recipe: Recipe,
    output: str | os.PathLike[str],
    split: str,
    setup: TransferSetup | None = None,
    notes: Mapping[str, str | None] | None = None,
    resume: bool = False,
) -> Transferred:
    """`transfer` on a model and data sets of one's own; the model is trained in place."""
    setup = setup or TransferSetup()
    adopt_normalization(model, train, recipe)
    config = FinetuneConfig(
        output=str(output),
        trained=recipe.trained,
        batch_norm=recipe.batch_norm,
        backbone_lr=recipe.backbone_lr,
        dropout=recipe.dropout,
        turns=recipe.turns,
        inputs=recipe.inputs,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        optim=recipe.optim,
        engine=setup.engine,
        in_memory=setup.in_memory,
        seed=recipe.seed,
    )
    folder = finetune(config, model, train, resume=resume)
    scored = score(model, test, task=task, recipe=recipe, setup=setup)
    metrics = scored.metrics
    facts = facts_of(model, train, test, task, recipe, setup) | {"split": split} | dict(notes or {})
    return Transferred(
        rows=tuple(rows_of(metrics, facts)),
        metrics=metrics,
        model=model,
        folder=folder,
        scored=scored,
        classes=task.classes,
    )
