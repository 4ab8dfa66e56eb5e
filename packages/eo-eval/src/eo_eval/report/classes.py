"""Where a probe is right and wrong, class by class."""

import math
import re
from typing import Any

from markupsafe import Markup
from torch import Tensor

from eo_eval.metrics import per_class
from eo_eval.report.charts import Line, line_chart
from eo_eval.report.scores import method_words
from eo_eval.store import Predictions

MOST_IN_MATRIX = 30


def class_view(held: Predictions) -> dict[str, Any]:
    values = per_class(held.scores, held.y).tolist()
    share = _share(held)
    order = sorted(range(len(values)), key=lambda k: -values[k] if values[k] == values[k] else 1)
    names = [in_words(name) for name in held.classes]
    return {
        "dataset": held.dataset,
        "split": held.split,
        "method": method_words({"method": held.method}),
        "multilabel": held.y.ndim == 2,
        "bars": [
            {"name": names[k], "value": values[k], "rows": int(share[k]), "share": float(share[k]) / len(held.y)}
            for k in order
        ],
        "matrix": _matrix(held, names) if len(names) <= MOST_IN_MATRIX else None,
        "selection": _selection(held),
    }


def _share(held: Predictions) -> Tensor:
    """Rows of each class."""
    return held.y.sum(0) if held.y.ndim == 2 else held.y.bincount(minlength=len(held.classes))


def _matrix(held: Predictions, names: list[str]) -> dict[str, Any]:
    """Rows are true classes, columns what is said of them."""
    values, titles = _moved(held, names) if held.y.ndim == 2 else _taken_for(held, names)
    most = max((abs(value) for row in values for value in row), default=1.0) or 1.0
    rows = []
    for k, name in enumerate(names):
        cells = [
            {
                "text": f"{100 * value:.0f}" if abs(value) >= 0.005 else "",
                "good": k == j if held.y.ndim == 1 else value > 0,
                "ink": round((abs(value) / most) ** 0.6, 3),
                "title": titles[k][j],
            }
            for j, value in enumerate(values[k])
        ]
        rows.append((name, cells))
    return {"classes": names, "rows": rows}


def _taken_for(held: Predictions, names: list[str]) -> tuple[list[list[float]], list[list[str]]]:
    """The confusion matrix: shares of each true class by predicted class."""
    predicted = held.scores.argmax(1)
    counts = [predicted[held.y == k].bincount(minlength=len(names)).tolist() for k in range(len(names))]
    titles = [
        [f"{names[k]} taken for {name}: {count} of {sum(row)}" for name, count in zip(names, row, strict=True)]
        for k, row in enumerate(counts)
    ]
    return [[count / (sum(row) or 1) for count in row] for row in counts], titles


def _moved(held: Predictions, names: list[str]) -> tuple[list[list[float]], list[list[str]]]:
    """How the presence of a class moves every class's mean score."""
    values = []
    for k in range(len(names)):
        present = held.y[:, k] > 0
        moved = held.scores[present].mean(0) - held.scores[~present].mean(0)
        values.append(moved.nan_to_num(0).tolist())
    titles = [
        [
            f"score of {name} where there is {names[k]}: {100 * value:+.0f} points"
            for name, value in zip(names, row, strict=True)
        ]
        for k, row in enumerate(values)
    ]
    return values, titles


def _selection(held: Predictions) -> Markup | None:
    """The score that each regularisation had where it was chosen."""
    if len(held.selection) < 2:
        return None
    c, score = zip(*held.selection, strict=True)
    line = Line("score", "var(--accent)", [math.log10(value) for value in c], [100 * value for value in score])
    return Markup(line_chart([line], smooth=False, axis="log10 C"))


def in_words(name: str) -> str:
    """`HerbaceousVegetation` as `Herbaceous vegetation`, so that lines can break; other names as they are."""
    if not re.fullmatch(r"([A-Z][a-z]+){2,}", name):
        return name
    return re.sub(r"(?<!^)[A-Z]", lambda found: " " + found[0].lower(), name)
