"""Scores as the page places them: the one figure, the comparison on one scale, and how each was measured."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eo_eval.report.charts import ticks
from eo_eval.report.collect import RunView
from eo_eval.rows import Row

RUN_COLOURS = 6  # the page has as many, --r0 to --r5
WORDS = {
    "accuracy": "accuracy",
    "average_accuracy": "average accuracy",
    "macro_AUPRC": "macro AUPRC",
    "macro_F1": "macro F1",
    "micro_F1": "micro F1",
    "micro_mAP": "micro mAP",
    "macro_mAP": "macro mAP",
    "linear": "linear probe",
    "head": "trained head",
    "finetune": "fine-tuned",
}
PROTOCOL_FIELDS = (
    ("model", "model"), ("weights", "weights"), ("adaptation", "adaptation"), ("feature", "feature"),
    ("feature_dim", "dimensions"), ("bands", "bands"), ("sensor", "sensor"), ("normalization", "normalization"),
    ("image_size", "image size"), ("interpolation", "resized by"), ("seasons", "seasons"), ("protocol", "protocol"),
    ("training", "training"),
    ("label_fraction", "label fraction"), ("n_train", "train rows"), ("n_val", "val rows"), ("n_test", "scored rows"),
    ("split_id", "split id"), ("train_split_id", "train split id"), ("c_chosen_on", "C chosen on"), ("best_c", "C"),
    ("knn_k", "k"), ("knn_metric", "distance"), ("knn_weighting", "weighting"), ("knn_t", "temperature"),
    ("seed", "seed"), ("bootstrap", "bootstrap resamples"), ("created", "scored at"),
)  # fmt: skip


def method_words(row: Row | Mapping[str, Any]) -> str:
    """`knn20` as 20-NN, `linear` as linear probe."""
    method = str(row["method"])
    return f"{method.removeprefix('knn')}-NN" if method.startswith("knn") else WORDS.get(method, method)


def headline(views: Sequence[RunView]) -> dict[str, Any] | None:
    """The best first view's score: the linear probe before kNN, trained weights before random ones."""
    scored = [(view, row) for view in views for row in view.rows]
    if not scored:
        return None
    order = {"mIoU": -2, "average_accuracy": -1, "accuracy": 0, "micro_mAP": 0, "macro_F1": 0}
    view, row = min(
        scored,
        key=lambda item: (
            item[1]["weights"] == "random",
            item[1]["method"] != "linear",
            order.get(str(item[1]["metric_name"]), 1),
            -float(item[1]["metric_value"] or 0),
        ),
    )
    same = [other for _, other in scored if _task(other) == _task(row) and other["method"] == row["method"]]
    chance = [other for other in same if other["weights"] == "random"]
    gain = None
    if chance and row["weights"] != "random":
        best = max(float(other["metric_value"] or 0) for other in chance)
        gain = f"{100 * (float(row['metric_value'] or 0) - best):+.1f}"
    return {"row": row, "name": view.name, "method": method_words(row), "metric": _metric(row), "gain": gain}


def comparisons(views: Sequence[RunView]) -> list[dict[str, Any]]:
    """For each task and metric, every score as a dot with its interval on one scale, the best first."""
    tasks: dict[tuple[Any, ...], list[tuple[int, RunView, Row]]] = {}
    for index, view in enumerate(views):
        for row in view.rows:
            tasks.setdefault(_task(row), []).append((index, view, row))
    return [_comparison(scored, len(views) > 1) for scored in tasks.values()]


def _comparison(scored: list[tuple[int, RunView, Row]], several: bool) -> dict[str, Any]:
    numbers = [float(row[name] or 0) for _, _, row in scored for name in ("ci_lower", "ci_upper")]
    marks = ticks(100 * min(numbers), 100 * max(numbers), 5)
    low, high = marks[0], marks[-1]

    def at(value: Any) -> str:
        return f"{100 * (100 * float(value or 0) - low) / ((high - low) or 1):.2f}"

    first = scored[0][2]
    lines = [
        {
            "label": _score_name(view, row, several),
            "method": method_words(row),
            "detail": _detail(row),
            "value": row["metric_value"],
            "low": row["ci_lower"],
            "high": row["ci_upper"],
            "at": at(row["metric_value"]),
            "from": at(row["ci_lower"]),
            "to": at(row["ci_upper"]),
            "colour": None if row["weights"] == "random" else f"var(--r{index % RUN_COLOURS})",
        }
        for index, view, row in sorted(scored, key=lambda item: -float(item[2]["metric_value"] or 0))
    ]
    return {
        "dataset": first["dataset"],
        "split": first["split"],
        "metric": _metric(first),
        "marks": [{"text": f"{mark:g}", "at": at(mark / 100)} for mark in marks],
        "lines": lines,
    }


def _task(row: Row) -> tuple[Any, ...]:
    return row["dataset"], row["split"], row["split_id"], row["metric_name"]


def _metric(row: Row) -> str:
    return WORDS.get(str(row["metric_name"]), str(row["metric_name"]))


def _score_name(view: RunView, row: Row, several: bool) -> str:
    if row["weights"] == "random":
        return f"{row['model']}, random weights"
    names = {other["name"] for other in view.rows if other["weights"] != "random"}
    if not several:
        return str(row["name"] or view.name)
    return f"{view.name}, {row['name']}" if len(names) > 1 else view.name


def _detail(row: Row) -> str:
    """What sets this row apart from the default."""
    fraction = row["label_fraction"]
    said = [
        f"{100 * float(fraction):g} % of the labels" if fraction not in (None, 1, 1.0) else "",
        f"feature {row['feature']}" if row["feature"] not in (None, "default") else "",
        f"{row['protocol']} protocol" if row["protocol"] not in (None, "recommended") else "",
        f"published {100 * float(row['published_value'] or 0):.1f}" if row.get("published_value") else "",
        f"seed {row['seed']}" if row["seed"] not in (None, 0) else "",
    ]
    return ", ".join(text for text in said if text)


def protocol_table(views: Sequence[RunView]) -> dict[str, Any] | None:
    """One column per evaluation, one line per field; lines that are empty throughout are left out."""
    columns: dict[tuple[Any, ...], tuple[str, Row]] = {}
    for view in views:
        for row in view.rows:
            key = (
                view.name,
                *(row.get(name) for name, _ in PROTOCOL_FIELDS),
                row["dataset"],
                row["split"],
                row["method"],
            )
            columns.setdefault(key, (_score_name(view, row, len(views) > 1), row))
    if not columns:
        return None
    heads = [
        {"name": name, "task": f"{row['dataset']} {row['split']}", "method": method_words(row)}
        for name, row in columns.values()
    ]
    lines = []
    for name, word in PROTOCOL_FIELDS:
        values = [_plain(row.get(name)) for _, row in columns.values()]
        if any(values):
            lines.append({"field": word, "values": values, "shared": len(set(values)) == 1})
    return {"heads": heads, "lines": lines}


def _plain(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*", r"\1 \2", text).replace(",", " ").replace(">", " > ")
