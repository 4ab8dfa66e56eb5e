"""Benchmarks: which data, which split, what is measured; one frozen record each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from torch.utils.data import Dataset

from eo_data import SENSORS, SSL4EOS12ML, EuroSAT

Open = Callable[[Path, str, str, tuple[str, ...]], Dataset[Any]]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One task with its splits."""

    name: str
    task: Literal["multiclass", "multilabel"]
    metric: str
    """The headline."""
    sensors: tuple[str, ...]
    """Sensors of a model that can be given these images; the first is what a model without bands of its own gets."""
    splits: tuple[str, ...]
    """What can be scored, the default first. `val` is scored with C chosen by cross-validation on train."""
    open: Open
    """root, split, sensor, bands -> data set."""
    paper: str
    about: str

    def load(self, root: str | os.PathLike[str], split: str, *, sensor: str, bands: tuple[str, ...]) -> Dataset[Any]:
        """One split, with these bands of this sensor."""
        if sensor not in self.sensors:
            raise ValueError(f"{self.name} has no images of {sensor}; it has {', '.join(self.sensors)}")
        return self.open(Path(root), split, sensor, bands)

    def check_split(self, split: str | None) -> str:
        """The split to score; None is the default one."""
        if split is not None and split not in self.splits:
            raise ValueError(f"{self.name} can be scored on {' or '.join(self.splits)}, got split {split!r}")
        return split or self.splits[0]


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of this name."""
    if name not in BENCHMARKS:
        near = get_close_matches(name, BENCHMARKS, n=3, cutoff=0.3) or list(BENCHMARKS)
        raise ValueError(f"unknown benchmark {name!r}; nearest known: {', '.join(near)}")
    return BENCHMARKS[name]


def all_bands(sensor: str) -> tuple[str, ...]:
    """Every band of a sensor, in canonical order."""
    return SENSORS[sensor].band_names


def _eurosat(root: Path, split: str, sensor: str, bands: tuple[str, ...]) -> Dataset[Any]:
    return EuroSAT(root, split, images="rgb" if sensor == "rgb" else "ms", bands=bands)


_PRODUCTS = {"sentinel2-l1c": "s2c", "sentinel2-l2a": "s2a", "sentinel1-grd": "s1"}


def _ssl4eo_s12_ml(root: Path, split: str, sensor: str, bands: tuple[str, ...]) -> Dataset[Any]:
    folder, product = root / split, _PRODUCTS[sensor]
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; expected {root}/train and {root}/val, each an SSL4EO-S12 tree")
    return SSL4EOS12ML(folder, product=product, seasons=_seasons(folder / product), bands=bands)


def _seasons(product: Path) -> int:
    """How many seasons the first place has, at most four; the reader complains of places with fewer."""
    first = min((path for path in product.glob("*") if path.is_dir()), default=None)
    return 4 if first is None else max(1, min(4, sum(path.is_dir() for path in first.iterdir())))


BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        benchmark.name: benchmark
        for benchmark in (
            Benchmark(
                name="eurosat",
                task="multiclass",
                metric="accuracy",
                sensors=("rgb", "sentinel2-l1c", "sentinel2-l2a"),
                splits=("test", "val"),
                open=_eurosat,
                paper="doi 10.1109/JSTARS.2019.2918242; splits arXiv 1911.06721",
                about="land use in ten classes, 64 px; RGB pictures or all 13 bands (L1C), by the model's sensor",
            ),
            Benchmark(
                name="ssl4eo_s12_ml",
                task="multilabel",
                metric="micro_mAP",
                sensors=tuple(_PRODUCTS),
                splits=("val", "test"),
                open=_ssl4eo_s12_ml,
                paper="arXiv 2405.20462",
                about="nine land-cover classes per season; folders train/ and val/ under the root, no official split",
            ),
        )
    }
)
