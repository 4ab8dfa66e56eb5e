"""One model on one transfer task: fine-tune by the switches of a protocol, score, and rows that say how."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from math import isnan
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from eo_data import normalization_for
from eo_eval.change import measure_change
from eo_eval.confusion import confusion
from eo_eval.described import described
from eo_eval.features import frozen
from eo_eval.inputs import part_of, sides
from eo_eval.metrics import Estimate
from eo_eval.published import published_value
from eo_eval.rows import COLUMNS, Row, name_steps, said_by_sensor
from eo_eval.score import Score, measured_by
from eo_eval.segmentation import Segmentation, measure_maps, segment
from eo_eval.store import save_answers, save_maps
from eo_eval.transfer_task import Recipe, Transfer
from eo_eval.transfer_tasks import get_transfer
from eo_models import Model, build_model, create_model, get_weights, is_path, is_weights
from eo_train import EngineConfig, FinetuneConfig, Inputs, finetune
from eo_train.loader import collate
from eo_train.task import IGNORE, target_of

METRICS = {"classes": ("accuracy",), "labels": ("micro_mAP", "macro_mAP")}


@dataclass(frozen=True, kw_only=True)
class TransferSetup:
    """What may be changed of a protocol, or has nothing to do with it. None: as the protocol says."""

    protocol: str = "recommended"
    """`recommended` or `published`, see `TRANSFERS`."""
    fraction: float | None = None
    """Share of the train labels."""
    normalization: str | None = None
    """Steps from stored pixels to the model's input, by name (`eo_data.normalization_for`)."""
    epochs: int | None = None
    """Passes over the train images."""
    batch_size: int | None = None
    """Train images of a step."""
    trained: Literal["head", "all"] | None = None
    """What gets gradients."""
    sensor: str | None = None
    """Of a task on two sensors, the one that an architecture of a single sensor gets."""
    img_size: int | None = None
    """Image size that an architecture's positions or windows are made for; None is its own."""
    seed: int | None = None
    """Of fraction, order and head."""
    bootstrap: int = 1000
    """Resamples for the 95 % interval."""
    in_memory: bool = False
    """Read every train image once and keep it."""
    engine: EngineConfig = field(default_factory=EngineConfig)
    """Devices, precision, loading."""

    def recipe(self, task: Transfer) -> Recipe:
        """The protocol's switches with these changes."""
        known = {each.name for each in fields(Recipe)}
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name in known}
        return replace(
            task.recipe(self.protocol), **{name: value for name, value in given.items() if value is not None}
        )


@dataclass(frozen=True, kw_only=True)
class Transferred:
    """What a model was worth on a task."""

    rows: tuple[Row, ...]
    metrics: Mapping[str, Estimate]
    """By name, the headline first."""
    model: Model
    folder: Path
    """The run directory of the fine-tuning."""
    scored: "Scored"
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


def open_model(
    name: str | Path, task: Transfer, *, random: bool = False, seed: int = 0, setup: TransferSetup | None = None
) -> tuple[Model, dict[str, str | None]]:
    """A model with the task's head, and what its rows say of where the weights come from.

    Bands are the model's own; an architecture takes the task's.
    """
    torch.manual_seed(seed)
    notes: dict[str, str | None]
    architecture = create_model(name).name if is_path(name) else str(name).partition(".")[0]
    neck = task.necks.get(architecture, task.neck)
    head: dict[str, Any] = {"neck": neck, "head": task.head, "num_outputs": task.num_outputs}
    if is_path(name):
        trained = create_model(name)
        notes = {"name": Path(name).resolve().name, "weights": "random" if random else "run"}
        if not random:
            digest = sha256((Path(name) / "backbone.safetensors").read_bytes()).hexdigest()
            return build_model(name, **head), {**notes, "weights_sha256": digest}
        torch.manual_seed(seed)
        size = getattr(trained, "img_size", None)
        model = build_model(trained.name, bands=trained.bands, sensor=trained.sensor, img_size=size, **head)
        model.backbone.normalization, model.backbone.units = trained.normalization, trained.units
        return model, notes
    notes = {"name": str(name), "weights": "random" if random else "published"}
    if not is_weights(str(name)):
        if not random:
            raise ValueError(
                f"{name} is an architecture, which has no weights of its own; pass --random, or name a run"
            )
        asked = setup or TransferSetup()
        bands, sensor = task.input_of(architecture, asked.sensor)
        return build_model(name, bands=bands, sensor=sensor, img_size=asked.img_size, **head), notes
    return _published(str(name), task, head, random=random), notes


def _published(name: str, task: Transfer, head: dict[str, Any], *, random: bool) -> Model:
    if not task.equivalents:
        return build_model(name, pretrained=not random, **head)
    bands: Any = task.equivalents if set(task.equivalents.values()) <= set(get_weights(name).bands) else task.bands
    return build_model(name, pretrained=not random, bands=bands, sensor=task.sensor, **head)


def adopt_normalization(model: Model, dataset: object, recipe: Recipe) -> None:
    """Settles how the model is fed: as the recipe says, as the model itself says, or as the data set recommends.

    Raises:
        ValueError: The model's own steps are for pixels in another unit than the data's.
    """
    for key, side in sides(model.backbone).items():
        part = part_of(dataset, key)
        units = described(part, "units")
        if recipe.normalization is not None:
            side.normalization = normalization_for(recipe.normalization)
        elif side.normalization is None:
            side.normalization = described(part, "normalization")
        elif side.units and units and set(side.units) != set(units):
            raise ValueError(
                f"{side.name} is fed with pixels in {', '.join(sorted(set(side.units)))}, "
                f"{type(dataset).__name__} holds {', '.join(sorted(set(units)))}; pass normalization=, the name of "
                "steps from these pixels to its input (such as seco_dn for SeCo's weights on digital numbers)"
            )
        side.units = tuple(units or side.units)


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


def facts_of(
    model: Model, train: Dataset[Any], test: Dataset[Any], task: Transfer, recipe: Recipe, setup: TransferSetup
) -> Row:
    """The columns that all rows of a score share."""
    backbone = model.backbone
    said = [f"{name}: {text}" for name, text in model.adaptation.items() if name != "random"]
    return {
        "dataset": task.name,
        "method": "head" if recipe.trained == "head" else "finetune",
        "model": backbone.name,
        "adaptation": "; ".join(said) or None,
        "bands": said_by_sensor(backbone.bands, ",".join),
        "sensor": said_by_sensor(backbone.sensor, str),
        "normalization": said_by_sensor(backbone.normalization or (), name_steps),
        "image_size": recipe.inputs.size,
        "interpolation": recipe.inputs.interpolation if recipe.inputs.size else None,
        "protocol": setup.protocol,
        "label_fraction": recipe.fraction,
        "n_train": len(train),  # type: ignore[arg-type]  # map-style data sets have a length
        "n_test": len(test),  # type: ignore[arg-type]
        "split_id": described(test, "split_id"),
        "train_split_id": described(train, "split_id"),
        "training": training_words(recipe),
        "seed": recipe.seed,
        "bootstrap": setup.bootstrap,
        "merge_val": "no",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def training_words(recipe: Recipe) -> str:
    """The switches of the training and of the data in one line."""
    optim = recipe.optim
    data = [*recipe.data.items(), *((f"train {name}", value) for name, value in recipe.train_data.items())]
    return (
        f"{recipe.trained} by {optim.name}, lr {optim.lr:g}, {recipe.epochs} epochs of {recipe.batch_size}, "
        f"batch norm {recipe.batch_norm}, dropout {recipe.dropout:g}"
        + (f", {' '.join(recipe.turns)}" if recipe.turns else "")
        + (", labels drawn with replacement" if recipe.replacement else "")
        + "".join(f", {name} {value}" for name, value in data)
        + (f", scored by batches of {recipe.metric_batch}" if recipe.metric_batch else "")
    )


def rows_of(metrics: Mapping[str, Estimate], facts: Row) -> list[Row]:
    """One row per metric, with the published figure for the same weights where there is one."""
    rows = []
    for name, found in metrics.items():
        numbers = {"metric_value": found.value, "ci_lower": found.low, "ci_upper": found.high}
        row = facts | {"metric_name": name} | {key: None if isnan(value) else value for key, value in numbers.items()}
        row["published_value"] = published_value(
            str(facts["dataset"]), str(facts["split"]), name, model=str(facts["model"]), weights=_weights(facts)
        )
        rows.append({column: row.get(column) for column in COLUMNS})
    return rows


def _weights(facts: Row) -> str:
    return "random" if facts.get("weights") == "random" else str(facts.get("name"))
