"""Result rows: one flat record per score, under the column names that torchgeo-bench's tables have."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from math import isnan
from pathlib import Path
from typing import Any, TypeAlias

from eo_data import Step
from eo_eval.features import Features, split_id
from eo_eval.metrics import Estimate
from eo_eval.score import Score
from eo_eval.segmentation import Segmentation

Row: TypeAlias = dict[str, str | int | float | None]

COLUMNS = (
    "dataset", "split", "method", "metric_name", "metric_value", "ci_lower", "ci_upper",
    "model", "name", "weights", "weights_sha256", "recipe", "adaptation",
    "feature", "feature_dim", "bands", "sensor", "normalization", "image_size", "interpolation", "seasons",
    "protocol", "training", "label_fraction", "n_train", "n_val", "n_test", "split_id", "train_split_id", "seed",
    "bootstrap",
    "best_c", "c_chosen_on", "merge_val", "knn_k", "knn_metric", "knn_weighting", "knn_t", "published_value", "created",
)  # fmt: skip
OUTCOMES = {"metric_value", "ci_lower", "ci_upper", "best_c", "created"}
"""What an evaluation finds; all other columns say which evaluation it was."""


def result_rows(
    score: Score,
    *,
    train: Features,
    test: Features,
    n_val: int,
    given: Mapping[str, str | int | float | None],
) -> list[Row]:
    """One row per metric of a score; `given` is what only the caller knows (dataset, split, seed, name, ...)."""
    common: Row = {
        **_of_images(test.facts),
        "feature_dim": test.x.shape[1],
        "n_train": len(train),
        "n_val": n_val,
        "n_test": len(test),
        "split_id": test.split_id,
        "train_split_id": train.split_id,
        "merge_val": "no",
        **score.options,
        **given,
        "method": score.method,
    }
    return [_row(common, name, found) for name, found in score.metrics.items()]


def map_rows(
    found: Segmentation, metrics: Mapping[str, Estimate], *, given: Mapping[str, str | int | float | None]
) -> list[Row]:
    """One row per metric of the maps of a data set; `given` as for `result_rows`, with `method`."""
    common = _of_images(found.facts) | {"n_test": len(found.ids), "split_id": split_id(found.ids), **given}
    return [_row(common, name, measured) for name, measured in metrics.items()]


def _of_images(facts: Mapping[str, Any]) -> Row:
    """What a row says of how images came into the model."""
    return {
        "model": facts.get("model"),
        "adaptation": _adaptation(facts),
        "feature": facts.get("feature"),
        "bands": said_by_sensor(facts.get("bands", ()), ",".join),
        "sensor": said_by_sensor(facts.get("sensor"), lambda name: name),
        "normalization": said_by_sensor(facts.get("normalization", ()), name_steps),
        "image_size": _size(facts.get("image_size")),
        "interpolation": facts.get("interpolation"),
        "seasons": facts.get("seasons"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _row(common: Row, name: str, found: Estimate) -> Row:
    numbers = {"metric_value": found.value, "ci_lower": found.low, "ci_upper": found.high}
    row = common | {"metric_name": name} | {key: None if isnan(of) else of for key, of in numbers.items()}
    return {column: row.get(column) for column in COLUMNS}


def name_steps(steps: Sequence[Step]) -> str:
    """Steps in one word: the operations, and a short hash of them with all their parameters."""
    names = ">".join(str(step["op"]) for step in steps) or "none"
    return f"{names}#{sha256(json.dumps(list(steps), sort_keys=True).encode()).hexdigest()[:8]}"


def identity(row: Row) -> tuple[object, ...]:
    """What tells one evaluation from another."""
    return tuple(row.get(column) for column in COLUMNS if column not in OUTCOMES)


def add_rows(path: Path, rows: Sequence[Row]) -> None:
    """Adds rows to a JSON file of rows, in place of those of the same evaluation done before."""
    new = {identity(row) for row in rows}
    before = [row for row in read_rows(path) if identity(row) not in new] if path.exists() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps([*before, *rows], indent=1) + "\n")
    temporary.replace(path)


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSON file that `add_rows` wrote."""
    try:
        rows = json.loads(path.read_text())
        if not isinstance(rows, list) or not all("metric_value" in row for row in rows):
            raise ValueError("no list of result rows")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} does not hold result rows: {error}") from error
    return rows


def said_by_sensor(fact: Any, say: Callable[[Any], str | None]) -> str | None:
    """A fact in words; of two sensors `s1: ..., s2: ...`."""
    return "; ".join(f"{key}: {say(of)}" for key, of in fact.items()) if isinstance(fact, Mapping) else say(fact)


def _adaptation(facts: Mapping[str, object]) -> str | None:
    done = facts.get("adaptation")
    said = [f"{name}: {text}" for name, text in done.items()] if isinstance(done, Mapping) else []
    sensor, data_sensor = facts.get("sensor"), facts.get("data_sensor")
    if data_sensor is not None and data_sensor != sensor:
        made_for, fed = (said_by_sensor(of, lambda name: name) for of in (sensor, data_sensor))
        said.append(f"sensor: made for {made_for}, fed with {fed}")
    return "; ".join(said) or None


def _size(size: object) -> str | int | None:
    return "x".join(map(str, size)) if isinstance(size, list) else size if isinstance(size, int) else None
