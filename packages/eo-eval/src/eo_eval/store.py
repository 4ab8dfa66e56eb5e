"""Evaluations beside the run they judge: `eval/` holds rows as JSON, and what the report draws as small arrays."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eo_eval.evaluate import Evaluation
from eo_eval.gallery import Gallery, make_gallery
from eo_eval.rows import Row, add_rows
from eo_eval.score import Score
from eo_eval.segmentation import Segmentation

FOLDER = "eval"


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Class scores of a test set, as kept beside a run."""

    dataset: str
    split: str
    method: str
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    scores: Tensor
    y: Tensor
    selection: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Maps:
    """What a segmentation leaves beside a run: the fields of `Segmentation`, counts over all images."""

    dataset: str
    split: str
    method: str
    counts: Tensor
    images: int
    classes: tuple[str, ...]
    shown: tuple[str, ...]
    pictures: Tensor
    truth: Tensor
    predicted: Tensor


def save(evaluation: Evaluation, run: str | os.PathLike[str], *, seed: int = 0) -> list[Path]:
    """Writes an evaluation beside a run: rows, predictions, and the pictures that the report shows.

    `RUN/eval/<dataset>-<split>-<method>.json` and `.npz`, and `RUN/eval/<dataset>-<split>-gallery.npz`.

    Args:
        evaluation: What `evaluate` gave.
        run: A run directory, or any folder.
        seed: Of the choice of pictures.

    Returns:
        The files written.
    """
    stem = Path(run) / FOLDER / f"{evaluation.dataset}-{evaluation.split}"
    written = save_rows(evaluation, run)
    for score in evaluation.scores.values():
        written.append(_write(Path(f"{stem}-{score.method}.npz"), _predictions(evaluation, score)))
    bands = evaluation.test.facts["data_bands"]
    gallery = make_gallery(
        evaluation.train,
        evaluation.test,
        evaluation.train_set,
        evaluation.test_set,
        bands=bands["s2"] if isinstance(bands, dict) else bands,
        seed=seed,
    )
    written.append(_write(Path(f"{stem}-gallery.npz"), _gallery(gallery)))
    return written


def save_rows(evaluation: Evaluation, run: str | os.PathLike[str]) -> list[Path]:
    """Writes the rows of an evaluation beside a run, for a baseline that is to stand next to it.

    Rows join those that are there; one of the very same evaluation takes the place of the earlier.
    """
    written = []
    for method in {str(row["method"]): None for row in evaluation.rows}:
        path = Path(run) / FOLDER / f"{evaluation.dataset}-{evaluation.split}-{method}.json"
        add_rows(path, [row for row in evaluation.rows if row["method"] == method])
        written.append(path)
    return written


def save_answers(
    rows: Sequence[Row],
    scores: Tensor,
    y: Tensor,
    run: str | os.PathLike[str],
    *,
    ids: Sequence[str],
    classes: Sequence[str],
) -> Path:
    """Writes class scores (N, K) and labels of a scored set beside a run, for the report: `-<method>.npz`."""
    dataset, split, method = (str(rows[0][name]) for name in ("dataset", "split", "method"))
    held: dict[str, object] = {
        "dataset": dataset,
        "split": split,
        "method": method,
        "ids": list(ids),
        "classes": list(classes),
        "scores": scores.half().numpy(),
        "y": y.numpy(),
        "selection": np.zeros((0, 2)),
    }
    return _write(Path(run) / FOLDER / f"{dataset}-{split}-{method}.npz", held)


def save_maps(found: Segmentation, rows: Sequence[Row], run: str | os.PathLike[str]) -> list[Path]:
    """Writes the rows of a segmentation beside a run, its counts, and the maps that the report shows.

    `RUN/eval/<dataset>-<split>-<method>.json` and `-maps.npz`.
    """
    dataset, split, method = (str(rows[0][name]) for name in ("dataset", "split", "method"))
    stem = Path(run) / FOLDER / f"{dataset}-{split}-{method}"
    add_rows(Path(f"{stem}.json"), rows)
    held = {
        "dataset": dataset,
        "split": split,
        "method": method,
        "counts": found.counts.sum(0).numpy(),
        "images": len(found.ids),
        "classes": list(found.classes),
        "shown": list(found.shown),
        "pictures": found.pictures.numpy(),
        "truth": found.truth.numpy(),
        "predicted": found.predicted.numpy(),
    }
    return [Path(f"{stem}.json"), _write(Path(f"{stem}-maps.npz"), held)]


def read_maps(path: Path) -> Maps:
    """What `save_maps` wrote."""
    with np.load(path) as held:
        return Maps(
            dataset=str(held["dataset"]),
            split=str(held["split"]),
            method=str(held["method"]),
            counts=torch.from_numpy(held["counts"]),
            images=int(held["images"]),
            classes=tuple(held["classes"].tolist()),
            shown=tuple(held["shown"].tolist()),
            pictures=torch.from_numpy(held["pictures"]),
            truth=torch.from_numpy(held["truth"]),
            predicted=torch.from_numpy(held["predicted"]),
        )


def read_predictions(path: Path) -> Predictions:
    """What `save` wrote for one probe."""
    with np.load(path) as held:
        return Predictions(
            dataset=str(held["dataset"]),
            split=str(held["split"]),
            method=str(held["method"]),
            ids=tuple(held["ids"].tolist()),
            classes=tuple(held["classes"].tolist()),
            scores=torch.from_numpy(held["scores"]).float(),
            y=torch.from_numpy(held["y"]),
            selection=tuple((float(c), float(score)) for c, score in held["selection"].reshape(-1, 2)),
        )


def read_gallery(path: Path) -> Gallery:
    """What `save` wrote of the pictures."""
    with np.load(path) as held:
        return Gallery(
            method="t-SNE" if str(held["method"]) == "t-SNE" else "PCA",
            xy=torch.from_numpy(held["xy"]),
            ids=tuple(held["ids"].tolist()),
            y=torch.from_numpy(held["y"]),
            query_ids=tuple(held["query_ids"].tolist()),
            query_y=torch.from_numpy(held["query_y"]),
            neighbour_ids=tuple(tuple(row) for row in held["neighbour_ids"].tolist()),
            neighbour_y=torch.from_numpy(held["neighbour_y"]),
            similarity=torch.from_numpy(held["similarity"]),
            sheet=held["sheet"].tobytes(),
            columns=int(held["columns"]),
        )


def _predictions(evaluation: Evaluation, score: Score) -> dict[str, object]:
    count = score.scores.shape[1]
    return {
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "method": score.method,
        "ids": list(evaluation.test.ids),
        "classes": list(evaluation.test.classes or map(str, range(count))),
        "scores": score.scores.half().numpy(),
        "y": score.y.numpy(),
        "selection": np.array(score.selection, dtype=np.float64),
    }


def _gallery(gallery: Gallery) -> dict[str, object]:
    return {
        "method": gallery.method,
        "xy": gallery.xy.numpy(),
        "ids": list(gallery.ids),
        "y": gallery.y.numpy(),
        "query_ids": list(gallery.query_ids),
        "query_y": gallery.query_y.numpy(),
        "neighbour_ids": [list(row) for row in gallery.neighbour_ids],
        "neighbour_y": gallery.neighbour_y.numpy(),
        "similarity": gallery.similarity.numpy(),
        "sheet": np.frombuffer(gallery.sheet, dtype=np.uint8),
        "columns": gallery.columns,
    }


def _write(path: Path, arrays: dict[str, object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        held = {name: np.asarray(value) for name, value in arrays.items()}
        np.savez_compressed(file, **held)  # type: ignore[arg-type]  # mypy takes the mapping for its other argument
    temporary.replace(path)
    return path
