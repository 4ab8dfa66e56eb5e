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
                "title": f"{names[k]} taken for {names[j]}: {counts[k][j]} of {sum(counts[k])}"
                if counts is not None
                else f"where there is {names[k]}, mean score of {names[j]}: {of[k][j]:.2f}",
            }
            for j in classes
        ]
        for k in classes
    ]
    return {"classes": names, "rows": list(zip(names, cells, strict=True))}


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
