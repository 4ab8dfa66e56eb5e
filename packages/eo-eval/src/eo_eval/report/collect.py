"""What the report shows, gathered from run directories and files of result rows."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from eo_eval.gallery import Gallery
from eo_eval.rows import Row, read_rows
from eo_eval.store import FOLDER, Maps, Predictions, read_gallery, read_maps, read_predictions
from eo_train.run import read_metrics


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One run directory, or one file of rows, as far as there is anything to show."""

    name: str
    rows: tuple[Row, ...] = ()
    predictions: tuple[Predictions, ...] = ()
    maps: tuple[Maps, ...] = ()
    galleries: Mapping[tuple[str, str], Gallery] = field(default_factory=dict)
    """By dataset and split."""
    metrics: tuple[Mapping[str, str], ...] = ()
    """Rows of metrics.csv."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    backbone: Mapping[str, Any] = field(default_factory=dict)


def collect(paths: Sequence[str | os.PathLike[str]]) -> list[RunView]:
    """One view per path; names are made distinct by as many parent folders as it takes."""
    if not paths:
        raise ValueError("a report needs at least one run directory or JSON file of rows")
    found = [Path(path) for path in paths]
    return [_view(path, name) for path, name in zip(found, _names(found), strict=True)]


def _view(path: Path, name: str) -> RunView:
    if path.is_file():
        return RunView(name=name, rows=tuple(read_rows(path)))
    if not path.is_dir():
        raise FileNotFoundError(f"no run directory and no JSON file at {path}")
    folder = path / FOLDER
    view = RunView(
        name=name,
        rows=tuple(row for file in sorted(folder.glob("*.json")) for row in read_rows(file)),
        predictions=tuple(
            read_predictions(file)
            for file in sorted(folder.glob("*.npz"))
            if not file.stem.endswith(("-gallery", "-maps"))
        ),
        maps=tuple(read_maps(file) for file in sorted(folder.glob("*-maps.npz"))),
        galleries=_galleries(folder),
        metrics=tuple(read_metrics(path)) if (path / "metrics.csv").is_file() else (),
        environment=_json(path / "environment.json"),
        config=_config(path / "config.yaml"),
        backbone=_json(path / "backbone.json"),
    )
    if not (view.rows or view.metrics or view.backbone):
        raise FileNotFoundError(
            f"{path} holds no run: neither metrics.csv nor backbone.json nor {FOLDER}/*.json is there"
        )
    return view


def _galleries(folder: Path) -> dict[tuple[str, str], Gallery]:
    found = {}
    for file in sorted(folder.glob("*-gallery.npz")):
        dataset, split = file.stem.removesuffix("-gallery").rsplit("-", 1)
        found[dataset, split] = read_gallery(file)
    return found


def _names(paths: Sequence[Path]) -> list[str]:
    for depth in range(1, max(len(path.absolute().parts) for path in paths) + 1):
        names = ["/".join(path.absolute().parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return content


def _config(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = (yaml.safe_load(path.read_text()) or {}) if path.is_file() else {}
    return content
