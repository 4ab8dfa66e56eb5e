"""A run directory: what was asked, where it ran, what came out."""

import csv
import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import yaml

COLUMNS = (
    "step", "epoch", "loss", "lr", "embedding_std", "grad_norm", "samples_per_s", "data_wait", "skipped",
    "peak_memory_mb", "seconds",
)  # fmt: skip
DISTRIBUTIONS = (
    "eo-data", "eo-losses", "eo-models", "eo-train", "lightning-fabric", "numpy", "rasterio", "timm", "torch",
    "torchvision",
)  # fmt: skip


def claim(folder: Path, config: Mapping[str, Any], *, resume: bool) -> None:
    """Makes the folder this run's own, and keeps it from being another's.

    Raises:
        ValueError: It holds another run, or something that is no run at all.
    """
    known = folder / "config.yaml"
    if not known.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(f"{folder} is not empty and holds no run; choose another --output")
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        temporary = known.with_suffix(".tmp")
        temporary.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        temporary.rename(known)
        return
    before = yaml.safe_load(known.read_text())
    if not resume:
        raise ValueError(f"{folder} holds a run already; go on with it by --resume, or choose another --output")
    changed = sorted(_changes(before, dict(config)))
    if changed:
        raise ValueError(
            f"{folder} holds a run of another configuration: {'; '.join(changed)}; choose another --output"
        )


def _changes(before: Any, now: Any, name: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = before.keys() | now.keys()
        return [line for key in keys for line in _changes(before.get(key), now.get(key), f"{name}.{key}".lstrip("."))]
    return [] if before == now else [f"{name} was {before}, now {now}"]


def write_environment(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    """Writes `environment.json`: versions, machine, and the facts that the run settled on.

    Returns:
        What is other than when the run was last here, of that which decides the last bits of a result.
    """
    path = folder / "environment.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    content = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "command": sys.argv,
        "versions": {name: found for name in DISTRIBUTIONS if (found := _version(name))},
    } | dict(facts)
    path.write_text(json.dumps(content, indent=2))
    decisive = ("processor", "threads", "gpu", "versions", *facts)
    return [line for name in decisive if name in before for line in _changes(before[name], content[name], name)]


def _processor() -> str:
    return str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


class MetricsFile:
    """`metrics.csv`: one row a logged step, on disk as soon as it is written.

    The columns are the common ones and what the method gives besides, which the first row shows. Going on from a step
    drops the rows after it: they belong to work that was lost.
    """

    def __init__(self, folder: Path, *, first: int) -> None:
        self.path = folder / "metrics.csv"
        found = read_metrics(folder) if self.path.exists() else []
        self.rows = [row for row in found if int(row["step"]) <= first]
        self.columns = list(found[0]) if found else list(COLUMNS)
        self._begin()

    def write(self, row: Mapping[str, float | int]) -> None:
        """Appends a row; columns that were not measured stay blank."""
        new = [name for name in row if name not in self.columns]
        if new:
            self.rows, self.columns = read_metrics(self.path.parent), [*self.columns, *new]
            self._begin()
        shown = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(shown)

    def _begin(self) -> None:
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)
        temporary.rename(self.path)


def read_metrics(folder: Path) -> list[dict[str, str]]:
    """The rows of `metrics.csv`; one cut short by a killed run is left out."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if None not in row.values()]
