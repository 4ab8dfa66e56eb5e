"""Others' tables with our scores in front, line by line."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from eo_eval.metrics import per_class
from eo_eval.published import Column, PublishedTable, tables_for
from eo_eval.report.collect import RunView
from eo_eval.report.scores import method_words
from eo_eval.rows import Row
from eo_eval.store import Predictions


def published_tables(views: Sequence[RunView]) -> list[dict[str, Any]]:
    """Every published table of a task that some run was scored on."""
    tasks = {(held.dataset, held.split): None for view in views for held in view.predictions}
    return [_table(table, views) for task in tasks for table in tables_for(*task)]


def _table(table: PublishedTable, views: Sequence[RunView]) -> dict[str, Any]:
    ours = [
        (f"{view.name}, {method_words({'method': held.method})}", _our_column(table, held, view.rows))
        for view in views
        for held in view.predictions
        if (held.dataset, held.split) == (table.benchmark, table.split)
    ]
    theirs = [_their_column(column) for column in table.columns]
    return {
        "title": table.title,
        "note": table.note,
        "task": f"{table.benchmark} {table.split}",
        "heads": [{"name": name, "ours": True} for name, _ in ours]
        + [{"name": column.name, "ours": False} for column in table.columns],
        "lines": [
            {
                "name": line,
                "mean": line in table.averages,
                "cells": [column[i] for _, column in ours] + [column[i] for column in theirs],
            }
            for i, line in enumerate(table.lines)
        ],
    }


def _our_column(table: PublishedTable, held: Predictions, rows: Sequence[Row]) -> list[str]:
    """What their lines are of us, in per cent: a class's share found, or its average precision where they give that."""
    precision = "macro_AUPRC" in table.averages.values()
    y = F.one_hot(held.y, held.scores.shape[1]) if precision and held.y.ndim == 1 else held.y
    of_class = dict(zip(held.classes, per_class(held.scores, y).tolist(), strict=True))
    found = {
        str(row["metric_name"]): float(row["metric_value"] or 0)
        for row in rows
        if (row["dataset"], row["split"], row["method"]) == (held.dataset, held.split, held.method)
        and row["weights"] != "random"
    }
    values = [found.get(table.averages[line]) if line in table.averages else of_class.get(line) for line in table.lines]
    return ["" if value is None or torch.tensor(value).isnan() else f"{100 * value:.1f}" for value in values]


def _their_column(column: Column) -> list[str]:
    if not column.std:
        return [f"{mean:g}" for mean in column.mean]
    return [f"{mean:g} ± {std:g}" for mean, std in zip(column.mean, column.std, strict=True)]
