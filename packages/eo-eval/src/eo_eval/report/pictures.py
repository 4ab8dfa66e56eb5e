"""The map of the embeddings and the strips of neighbours, cut out of one sheet of pictures."""

import base64
from typing import Any

import torch
from torch import Tensor

from eo_eval.gallery import Gallery
from eo_eval.report.classes import in_words


def gallery_view(gallery: Gallery, classes: tuple[str, ...], key: tuple[str, str]) -> dict[str, Any]:
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
            for j in range(k)
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
    """Each class that colours a point, and where its name stands on the map."""
    found: list[dict[str, Any]] = []
    for k in sorted(set(kind) - {-1}, key=kind.count, reverse=True):
        places = gallery.xy[[i for i, of in enumerate(kind) if of == k]]
        x, y = _spot(places, [(entry["x"], entry["y"]) for entry in found])
        found.append(
            {"kind": k, "name": in_words(classes[k]) if classes else str(k), "count": len(places), "x": x, "y": y}
        )
    return sorted(found, key=lambda entry: entry["kind"])


def _spot(places: Tensor, taken: list[tuple[float, float]]) -> tuple[float, float]:
    """In percent, where a class is densest, at a spot where no other name stands if there is one."""
    reach = torch.cdist(places, places).sort(1).values[:, : 1 + len(places) // 3].mean(1)
    spots = [(100 * float(x), 100 * float(y)) for x, y in places[reach.argsort()]]
    clear = (spot for spot in spots if all(abs(spot[0] - x) > 14 or abs(spot[1] - y) > 5 for x, y in taken))
    return next(clear, spots[0])


def _names(label: Tensor, classes: tuple[str, ...]) -> str:
    if label.ndim == 0:
        return in_words(classes[int(label)]) if classes else str(int(label))
    return (
        ", ".join(in_words(classes[k]) if classes else str(k) for k in label.nonzero().flatten().tolist()) or "no class"
    )


def _cell(index: int, columns: int, lines: int) -> str:
    """CSS background-position of a picture in the sheet."""
    column, line = index % columns, index // columns
    across = 100 * column / (columns - 1) if columns > 1 else 0
    down = 100 * line / (lines - 1) if lines > 1 else 0
    return f"{across:.3f}% {down:.3f}%"
