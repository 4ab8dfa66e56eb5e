"""Benchmarks: which data, which split, what is measured; one frozen record each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from torch.utils.data import Dataset

from eo_data import DFC2020, SENSORS, SSL4EOS12ML, BigEarthNet, EuroSAT, MeterML

Bands = tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""Of a model; for two sensors a mapping from `s1` and `s2`."""
Open = Callable[[Path, str, str, Any], Dataset[Any]]
PAIR = "sentinel1-grd+sentinel2-l1c"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One task with its splits."""

    name: str
    task: Literal["multiclass", "multilabel"]
    metric: str
    """The headline."""
    sensors: tuple[str, ...]
    """Sensors of a model that can be given these images; the first is what a model without bands of its own gets. A
    model of two sensors takes `a+b`."""
    splits: tuple[str, ...]
    """What can be scored, the default first. `val` is scored with C chosen by cross-validation on train."""
    open: Open
    """root, split, sensor, bands -> data set; bands of two sensors are a mapping."""
    has_val: bool = True
    """Whether C can be chosen on val when test is scored."""
    metrics: tuple[str, ...] = ()
    """What is measured, the headline first; empty: what fits the labels."""
    background: int | None = None
    """A class that the averages leave out, though images may be taken for it."""
    paper: str
    about: str

    def load(
        self, root: str | os.PathLike[str], split: str, *, sensor: str | Mapping[str, str], bands: Bands
    ) -> Dataset[Any]:
        """One split, with these bands of this sensor, or of both."""
        name = sensor if isinstance(sensor, str) else "+".join(sensor.values())
        if name not in self.sensors:
            raise ValueError(f"{self.name} has no images of {name}; it has {', '.join(self.sensors)}")
        return self.open(Path(root), split, name, bands)

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


def by_sensor(sensor: str) -> str | dict[str, str]:
    """The sensor as a model takes it: of two, `a+b`, by `s1` and `s2`."""
    return dict(zip(("s1", "s2"), sensor.split("+"), strict=True)) if "+" in sensor else sensor


def all_bands(sensor: str) -> Bands:
    """Every band of a sensor, in canonical order; of two sensors `a+b` by `s1` and `s2`."""
    of = by_sensor(sensor)
    return (
        SENSORS[of].band_names if isinstance(of, str) else {key: SENSORS[name].band_names for key, name in of.items()}
    )


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


_OF_PAIR: Mapping[str, Any] = {"sentinel1-grd": "s1", "sentinel2-l1c": "s2", PAIR: ("s1", "s2")}


def _dfc2020(target: Literal["label", "multilabel"]) -> Open:
    def open_split(root: Path, split: str, sensor: str, bands: Bands) -> Dataset[Any]:
        name: Literal["validation", "test"] = "validation" if split == "train" else "test"
        return DFC2020(root, name, product=_OF_PAIR[sensor], bands=_of_product(bands), target=target)

    return open_split


def _meterml(root: Path, split: Any, sensor: str, bands: Bands) -> Dataset[Any]:
    return MeterML(root, split, product=_OF_PAIR[sensor], bands=_of_product(bands))


def _of_product(bands: Bands) -> Any:
    return dict(bands) if isinstance(bands, Mapping) else bands


L2A_PAIR = "sentinel1-grd+sentinel2-l2a"
_OF_BIGEARTHNET: Mapping[str, Any] = {"sentinel1-grd": "s1", "sentinel2-l2a": "s2", L2A_PAIR: ("s1", "s2")}


def _bigearthnet(version: Literal["v1", "v2"]) -> Open:
    def open_split(root: Path, split: str, sensor: str, bands: Bands) -> Dataset[Any]:
        return BigEarthNet(root, split, version=version, product=_OF_BIGEARTHNET[sensor], bands=_of_product(bands))

    return open_split


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
            *(
                Benchmark(
                    name=name,
                    task="multilabel",
                    metric="micro_mAP",
                    sensors=("sentinel2-l2a", "sentinel1-grd", L2A_PAIR),
                    splits=("test", "val"),
                    open=open_split,
                    paper=paper,
                    about="19 land covers, one sensor or both, official splits",
                )
                for name, open_split, paper in (
                    ("bigearthnet_v1", _bigearthnet("v1"), "arXiv 1902.06148, 2105.07921"),
                    ("bigearthnet_v2", _bigearthnet("v2"), "arXiv 2407.03653"),
                )
            ),
            Benchmark(
                name="dfc2020",
                task="multiclass",
                metric="average_accuracy",
                metrics=("average_accuracy", "accuracy", "macro_F1"),
                sensors=("sentinel2-l1c", "sentinel1-grd", PAIR),
                splits=("test",),
                has_val=False,
                open=_dfc2020("label"),
                paper="doi 10.21227/rha7-m332; as in doi 10.1109/cvprw56347.2022.00148",
                about="commonest of eight land covers, one sensor or both; learns from `validation`, scored on `test`",
            ),
            Benchmark(
                name="dfc2020_multilabel",
                task="multilabel",
                metric="macro_F1",
                metrics=("macro_F1", "micro_F1", "macro_mAP"),
                sensors=("sentinel2-l1c", "sentinel1-grd", PAIR),
                splits=("test",),
                has_val=False,
                open=_dfc2020("multilabel"),
                paper="doi 10.21227/rha7-m332; as in doi 10.1109/cvprw56347.2022.00148",
                about="the land covers of a tenth of the image or more, otherwise as dfc2020",
            ),
            Benchmark(
                name="meterml",
                task="multiclass",
                metric="average_accuracy",
                metrics=("average_accuracy", "accuracy", "macro_AUPRC"),
                sensors=("sentinel2-l1c", "sentinel1-grd", PAIR),
                splits=("val", "test"),
                background=MeterML.CLASSES.index("Negative"),
                open=_meterml,
                paper="arXiv 2207.11166; val as in bakiuzun/SupCon_SSL",
                about="six sources of methane and none, one sensor or both; averages are over the six",
            ),
        )
    }
)
