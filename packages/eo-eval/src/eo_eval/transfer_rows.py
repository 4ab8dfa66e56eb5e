"""The result rows of a transfer task, which say how it was done."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isnan
from typing import Any

from torch.utils.data import Dataset

from eo_eval.described import described
from eo_eval.metrics import Estimate
from eo_eval.published import published_value
from eo_eval.rows import COLUMNS, Row, name_steps, said_by_sensor
from eo_eval.transfer_setup import TransferSetup
from eo_eval.transfer_task import Recipe, Transfer
from eo_models import Model


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
