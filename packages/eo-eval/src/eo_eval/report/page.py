"""From what was gathered to the one page: everything that the template only has to place."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from torch import Tensor

from eo_eval.gallery import NEIGHBOURS, Gallery
from eo_eval.metrics import per_class
from eo_eval.report.charts import Line, line_chart, ticks
from eo_eval.report.collect import RunView
from eo_eval.rows import Row
from eo_eval.store import Predictions

RUN_COLOURS = 6  # the page has as many, --r0 to --r5
CLASS_COLOURS = 10
MOST_IN_MATRIX = 30
CURVES = (
    ("loss", "Loss", "", True),
    ("lr", "Learning rate", "", False),
    ("embedding_std", "Spread of the embeddings", "mean standard deviation of normalised embeddings; near 0 = collapse", True),
    ("samples_per_s", "Throughput", "images per second", True),
)  # fmt: skip
WORDS = {
    "accuracy": "accuracy",
    "micro_mAP": "micro mAP",
    "macro_mAP": "macro mAP",
    "linear": "linear probe",
}
PROTOCOL_FIELDS = (
    ("model", "model"), ("weights", "weights"), ("adaptation", "adaptation"), ("feature", "feature"),
    ("feature_dim", "dimensions"), ("bands", "bands"), ("sensor", "sensor"), ("normalization", "normalization"),
    ("image_size", "image size"), ("interpolation", "resized by"), ("seasons", "seasons"), ("protocol", "protocol"),
    ("label_fraction", "label fraction"), ("n_train", "train rows"), ("n_val", "val rows"), ("n_test", "scored rows"),
    ("split_id", "split id"), ("train_split_id", "train split id"), ("c_chosen_on", "C chosen on"), ("best_c", "C"),
    ("knn_k", "k"), ("knn_metric", "distance"), ("knn_weighting", "weighting"), ("knn_t", "temperature"),
    ("seed", "seed"), ("bootstrap", "bootstrap resamples"), ("created", "scored at"),
)  # fmt: skip


def render(views: Sequence[RunView]) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=PackageLoader("eo_eval.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment.get_template("report.html.j2").render(
        title=" and ".join(view.name for view in views[:2]) + (f" and {len(views) - 2} more" if len(views) > 2 else ""),
        runs=[_run(view, index) for index, view in enumerate(views)],
        headline=_headline(views),
        comparisons=_comparisons(views),
        curves=_curves(views),
        protocol=_protocol(views),
        colours=CLASS_COLOURS,
        version=version("eo-eval"),
        made=datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
    )


def percent(value: float) -> str:
    """0.8467 as 84.7."""
    return f"{100 * value:.1f}"


def method_words(row: Row | Mapping[str, Any]) -> str:
    """`knn20` as 20-NN, `linear` as linear probe."""
    method = str(row["method"])
    return f"{method.removeprefix('knn')}-NN" if method.startswith("knn") else WORDS.get(method, method)


def _headline(views: Sequence[RunView]) -> dict[str, Any] | None:
    """The best first view's score: the linear probe before kNN, trained weights before random ones."""
    scored = [(view, row) for view in views for row in view.rows]
    if not scored:
        return None
    order = {"accuracy": 0, "micro_mAP": 0}
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


def _comparisons(views: Sequence[RunView]) -> list[dict[str, Any]]:
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
    return view.name if several or not row["name"] else str(row["name"])


def _detail(row: Row) -> str:
    """What sets this row apart from the default."""
    fraction = row["label_fraction"]
    said = [
        f"{100 * float(fraction):g} % of the labels" if fraction not in (None, 1, 1.0) else "",
        f"feature {row['feature']}" if row["feature"] not in (None, "default") else "",
        f"{row['protocol']} protocol" if row["protocol"] not in (None, "recommended") else "",
        f"seed {row['seed']}" if row["seed"] not in (None, 0) else "",
    ]
    return ", ".join(text for text in said if text)


def _curves(views: Sequence[RunView]) -> list[dict[str, Any]]:
    shown = []
    for column, title, note, smooth in CURVES:
        lines = []
        for index, view in enumerate(views):
            points = [(float(row["step"]), float(row[column])) for row in view.metrics if row.get(column)]
            if points:
                x, y = zip(*points, strict=True)
                lines.append(Line(view.name, f"var(--r{index % RUN_COLOURS})", x, y))
        if lines:
            chart = line_chart(lines, smooth=smooth, zero=column != "loss")
            shown.append({"title": title, "note": note, "chart": Markup(chart)})  # noqa: S704
    return shown


def _run(view: RunView, index: int) -> dict[str, Any]:
    return {
        "name": view.name,
        "index": index,
        "colour": f"var(--r{index % RUN_COLOURS})",
        "about": _about(view),
        "results": [_result(held) for held in _best_predictions(view)],
        "galleries": [_gallery(gallery, _classes(view, key), key) for key, gallery in view.galleries.items()],
        "environment": _flat(view.environment),
        "config": yaml.safe_dump(dict(view.config), sort_keys=False) if view.config else "",
    }


def _about(view: RunView) -> str:
    facts = view.backbone
    if not facts:
        return ""
    bands = facts.get("bands", [])
    recipe = view.config.get("recipe")
    shown = " ".join(bands) if len(bands) <= 4 else f"{len(bands)} bands"
    return " · ".join(str(part) for part in (facts.get("architecture"), recipe, facts.get("sensor"), shown) if part)


def _best_predictions(view: RunView) -> list[Predictions]:
    """One per task: the linear probe's where there is one."""
    chosen: dict[tuple[str, str], Predictions] = {}
    for held in sorted(view.predictions, key=lambda held: held.method != "linear"):
        chosen.setdefault((held.dataset, held.split), held)
    return list(chosen.values())


def _classes(view: RunView, key: tuple[str, str]) -> tuple[str, ...]:
    return next((held.classes for held in view.predictions if (held.dataset, held.split) == key), ())


def _result(held: Predictions) -> dict[str, Any]:
    values = per_class(held.scores, held.y).tolist()
    share = _share(held)
    order = sorted(range(len(values)), key=lambda k: -values[k] if values[k] == values[k] else 1)
    return {
        "dataset": held.dataset,
        "split": held.split,
        "method": method_words({"method": held.method}),
        "multilabel": held.y.ndim == 2,
        "bars": [
            {"name": held.classes[k], "value": values[k], "rows": int(share[k]), "share": float(share[k]) / len(held.y)}
            for k in order
        ],
        "matrix": _matrix(held) if len(held.classes) <= MOST_IN_MATRIX else None,
    }


def _share(held: Predictions) -> Tensor:
    """Rows of each class."""
    return held.y.sum(0) if held.y.ndim == 2 else held.y.bincount(minlength=len(held.classes))


def _matrix(held: Predictions) -> dict[str, Any]:
    """Rows are true classes: shares of predicted ones, or for multi-label the mean score of every class."""
    classes = range(len(held.classes))
    if held.y.ndim == 2:
        of = [held.scores[held.y[:, k] > 0].mean(0).tolist() for k in classes]
        counts = None
    else:
        predicted = held.scores.argmax(1)
        counts = [predicted[held.y == k].bincount(minlength=len(classes)).tolist() for k in classes]
        of = [[count / (sum(row) or 1) for count in row] for row in counts]
    cells = [
        [
            {
                "share": of[k][j],
                "right": k == j,
                "ink": round((of[k][j] if of[k][j] == of[k][j] else 0.0) ** 0.6, 3),
                "title": f"{held.classes[k]} taken for {held.classes[j]}: {counts[k][j]} of {sum(counts[k])}"
                if counts is not None
                else f"where there is {held.classes[k]}, mean score of {held.classes[j]}: {of[k][j]:.2f}",
            }
            for j in classes
        ]
        for k in classes
    ]
    return {"classes": held.classes, "rows": list(zip(held.classes, cells, strict=True))}


def _gallery(gallery: Gallery, classes: tuple[str, ...], key: tuple[str, str]) -> dict[str, Any]:
    places, queries = len(gallery.ids), len(gallery.query_ids)
    total = places + queries * (1 + gallery.neighbour_y.shape[1])
    lines = -(-total // gallery.columns)
    kind = _colour_class(gallery.y)
    return {
        "dataset": key[0],
        "split": key[1],
        "method": gallery.method,
        "multilabel": gallery.y.ndim == 2,
        "sheet": "data:image/jpeg;base64," + base64.b64encode(gallery.sheet).decode(),
        "columns": gallery.columns,
        "lines": lines,
        "points": [
            {
                "x": f"{100 * float(gallery.xy[i, 0]):.2f}",
                "y": f"{100 * float(gallery.xy[i, 1]):.2f}",
                "cell": _cell(i, gallery.columns, lines),
                "kind": kind[i],
                "text": f"{_names(gallery.y[i], classes)} ({gallery.ids[i]})",
            }
            for i in range(places)
        ],
        "legend": _legend(gallery, classes, kind),
        "strips": [_strip(gallery, classes, q, lines) for q in range(queries)],
    }


def _strip(gallery: Gallery, classes: tuple[str, ...], query: int, lines: int) -> dict[str, Any]:
    places, queries, k = len(gallery.ids), len(gallery.query_ids), gallery.neighbour_y.shape[1]
    truth = gallery.query_y[query]
    return {
        "name": _names(truth, classes),
        "id": gallery.query_ids[query],
        "cell": _cell(places + query, gallery.columns, lines),
        "neighbours": [
            {
                "name": _names(gallery.neighbour_y[query, j], classes),
                "id": gallery.neighbour_ids[query][j],
                "cosine": f"{float(gallery.similarity[query, j]):.2f}",
                "cell": _cell(places + queries + query * k + j, gallery.columns, lines),
                "agreement": _agreement(truth, gallery.neighbour_y[query, j]),
            }
            for j in range(min(k, NEIGHBOURS))
        ],
    }


def _agreement(one: Tensor, other: Tensor) -> float:
    """1 where classes are equal, else 0; of multi-label rows the shared part of all their labels."""
    if one.ndim == 0:
        return float(one == other)
    either = ((one + other) > 0).sum()
    return float((one * other).sum() / either) if either else 1.0


def _colour_class(y: Tensor) -> list[int]:
    """The class that colours each point: its own; of multi-label rows the rarest of theirs, -1 without any."""
    if y.ndim == 1:
        return [int(k) for k in y]
    rarity = y.sum(0)
    return [min((k for k in range(y.shape[1]) if row[k] > 0), key=lambda k: float(rarity[k]), default=-1) for row in y]


def _legend(gallery: Gallery, classes: tuple[str, ...], kind: list[int]) -> list[dict[str, Any]]:
    """Each class that colours a point, with the middle of its points, where its name stands on the map."""
    found = []
    for k in sorted(set(kind) - {-1}):
        rows = [i for i, of in enumerate(kind) if of == k]
        middle = gallery.xy[rows].median(0).values
        found.append(
            {
                "kind": k,
                "name": classes[k] if classes else str(k),
                "count": len(rows),
                "x": f"{100 * float(middle[0]):.1f}",
                "y": f"{100 * float(middle[1]):.1f}",
            }
        )
    return found


def _names(label: Tensor, classes: tuple[str, ...]) -> str:
    if label.ndim == 0:
        return classes[int(label)] if classes else str(int(label))
    return ", ".join(classes[k] if classes else str(k) for k in label.nonzero().flatten().tolist()) or "no class"


def _cell(index: int, columns: int, lines: int) -> str:
    """CSS background-position of a picture in the sheet."""
    column, line = index % columns, index // columns
    across = 100 * column / (columns - 1) if columns > 1 else 0
    down = 100 * line / (lines - 1) if lines > 1 else 0
    return f"{across:.3f}% {down:.3f}%"


def _protocol(views: Sequence[RunView]) -> dict[str, Any] | None:
    """One column per evaluation, one line per field; lines that are empty throughout are left out."""
    columns: dict[tuple[Any, ...], tuple[str, Row]] = {}
    for view in views:
        for row in view.rows:
            key = (view.name, *(row[name] for name, _ in PROTOCOL_FIELDS), row["dataset"], row["split"], row["method"])
            columns.setdefault(key, (_score_name(view, row, len(views) > 1), row))
    if not columns:
        return None
    heads = [
        {"name": name, "task": f"{row['dataset']} {row['split']}", "method": method_words(row)}
        for name, row in columns.values()
    ]
    lines = [
        {"field": word, "values": [_plain(row[name]) for _, row in columns.values()]} for name, word in PROTOCOL_FIELDS
    ]
    return {"heads": heads, "lines": [line for line in lines if any(line["values"])]}


def _plain(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value).replace(",", " ").replace(">", " › ")


def _flat(content: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested facts as (name, text) pairs."""
    pairs: list[tuple[str, str]] = []
    for name, value in content.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{before}{name} ")
        elif value not in (None, [], ""):
            shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            pairs.append((f"{before}{name}".replace("_", " "), shown))
    return pairs


def write(views: Sequence[RunView], output: Path) -> Path:
    """Writes the page, whole or not at all."""
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.tmp")
    temporary.write_text(render(views), encoding="utf-8")
    temporary.replace(output)
    return output
