"""Scores that others published, to stand beside ours: transcribed, never computed here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Column:
    """The scores of one method, in per cent, in the order of the table's lines."""

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...] = ()
    """Over runs; empty where none is given."""


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table of a paper, or figures that its authors' code printed."""

    benchmark: str
    split: str
    title: str
    lines: tuple[str, ...]
    """Class names of the benchmark, then what `averages` are called."""
    columns: tuple[Column, ...]
    averages: Mapping[str, str]
    """Line to the metric of ours that it is to be compared with."""
    note: str
    """How these figures came about, as far as it matters to a comparison."""


_DFC = ("Forest", "Shrubland", "Grassland", "Wetlands", "Croplands", "Urban/Built-up", "Barren", "Water")
_METER = ("CAFOs", "Landfills", "Mines", "ProcessingPlants", "RefineriesAndTerminals", "WWTreatment")
_BOTH = MappingProxyType({"Average": "average_accuracy", "Overall": "accuracy"})

_SECO = (
    "Protocol `published`, scored as the authors' code does; some of these figures are known from a reading note of "
    "the paper or from memory alone, and none comes with a deviation."
)

TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        benchmark="dfc2020",
        split="test",
        title="Berg et al., IEEE GRSL 2024, Table II",
        lines=(*_DFC, "Average", "Overall"),
        columns=(
            Column(
                name="SupCon+CE",
                mean=(75.54, 52.26, 6.18, 20.90, 59.65, 89.94, 44.09, 98.42, 55.87, 72.62),
                std=(5.01, 4.42, 4.93, 7.11, 5.07, 2.63, 3.49, 1.25, 0.89, 1.31),
            ),
            Column(
                name="CE",
                mean=(63.49, 58.31, 12.60, 14.43, 52.65, 91.14, 43.91, 98.63, 54.39, 68.29),
                std=(5.90, 4.59, 7.53, 11.55, 7.94, 3.48, 2.7, 0.41, 0.72, 1.66),
            ),
        ),
        averages=_BOTH,
        note="Two ResNet-50, Sentinel-1 and -2, fine-tuned on the 986 validation patches; one random part of 224 "
        "pixels of each test patch. The number of runs is not given.",
    ),
    PublishedTable(
        benchmark="dfc2020",
        split="test",
        title="SSLTransformerRS, printed by the authors' notebooks",
        lines=(*_DFC, "Average", "Overall"),
        columns=(
            Column(name="ResNet-50, Sentinel-2", mean=(21.2, 23.3, 1.4, 25.8, 56.0, 98.3, 1.3, 99.1, 40.79, 54.39)),
            Column(name="Swin-T, both sensors", mean=(6.9, 52.3, 1.4, 35.3, 72.3, 78.5, 38.1, 99.7, 48.05, 54.33)),
        ),
        averages=_BOTH,
        note="Pretrained on SEN12MS, five epochs of fine-tuning on the 986 validation patches, one run each, the "
        "scores after the last epoch; random parts of 224 pixels.",
    ),
    PublishedTable(
        benchmark="meterml",
        split="val",
        title="Berg et al., IEEE GRSL 2024, Table III",
        lines=(*_METER, "Average"),
        columns=(
            Column(
                name="SupCon+CE",
                mean=(97.44, 59.53, 59.00, 66.31, 78.61, 82.10, 73.83),
                std=(0.95, 4.82, 8.40, 5.71, 1.97, 4.20, 2.00),
            ),
            Column(
                name="CE",
                mean=(97.44, 50.23, 60.00, 57.36, 77.91, 81.50, 70.74),
                std=(1.59, 3.15, 5.24, 5.10, 3.99, 2.00, 1.74),
            ),
        ),
        averages=MappingProxyType({"Average": "average_accuracy"}),
        note="SmallAlexNet, Sentinel-1 and four bands of Sentinel-2, first name of a place's type as its class, best "
        "epoch on the split that is scored. The number of runs is not given.",
    ),
    PublishedTable(
        benchmark="meterml",
        split="test",
        title="Zhu et al., arXiv 2207.11166: AUPRC",
        lines=(*_METER, "Macro AUPRC"),
        columns=(Column(name="DenseNet-121, best inputs", mean=(91.5, 25.9, 47.0, 35.0, 82.1, 53.4, 55.8)),),
        averages=MappingProxyType({"Macro AUPRC": "macro_AUPRC"}),
        note="Average precision, not recall; several labels a place; for each class the inputs that did best, NAIP "
        "among them.",
    ),
    PublishedTable(
        benchmark="bigearthnet_linear",
        split="val",
        title="Mañas et al., arXiv 2103.16607: a tenth of the labels, linear",
        lines=("micro mAP",),
        columns=(
            Column(name="resnet18.seco_1m", mean=(74.67,)),
            Column(name="resnet18, MoCo-v2", mean=(69.28,)),
            Column(name="resnet18, ImageNet", mean=(65.69,)),
            Column(name="resnet18, random", mean=(43.05,)),
            Column(name="resnet50.seco_1m", mean=(78.56,)),
            Column(name="resnet50, ImageNet", mean=(70.46,)),
            Column(name="resnet50, random", mean=(43.95,)),
        ),
        averages=MappingProxyType({"micro mAP": "micro_mAP"}),
        note=_SECO,
    ),
    PublishedTable(
        benchmark="bigearthnet_finetune",
        split="val",
        title="Mañas et al., arXiv 2103.16607: a tenth of the labels, fine-tuned",
        lines=("micro mAP",),
        columns=(
            Column(name="resnet18.seco_1m", mean=(81.86,)),
            Column(name="resnet18, ImageNet", mean=(79.98,)),
            Column(name="resnet18, random", mean=(68.11,)),
            Column(name="resnet50.seco_1m", mean=(82.62,)),
            Column(name="resnet50, ImageNet", mean=(80.04,)),
            Column(name="resnet50, random", mean=(69.49,)),
        ),
        averages=MappingProxyType({"micro mAP": "micro_mAP"}),
        note=_SECO,
    ),
    PublishedTable(
        benchmark="eurosat_linear",
        split="val",
        title="Mañas et al., arXiv 2103.16607: linear",
        lines=("Accuracy",),
        columns=(
            Column(name="resnet18.seco_1m", mean=(93.14,)),
            Column(name="resnet18, MoCo-v2", mean=(83.72,)),
            Column(name="resnet18, ImageNet", mean=(86.44,)),
            Column(name="resnet18, random", mean=(63.21,)),
        ),
        averages=MappingProxyType({"Accuracy": "accuracy"}),
        note=_SECO,
    ),
    PublishedTable(
        benchmark="oscd",
        split="test",
        title="Mañas et al., arXiv 2103.16607: means over batches of 32 tiles",
        lines=("Precision", "Recall", "F1"),
        columns=(
            Column(name="resnet18.seco_1m", mean=(65.47, 38.06, 46.94)),
            Column(name="resnet18, MoCo-v2", mean=(64.49, 30.94, 40.71)),
            Column(name="resnet18, ImageNet", mean=(70.42, 25.12, 36.20)),
            Column(name="resnet18, random", mean=(70.53, 19.17, 29.44)),
        ),
        averages=MappingProxyType({"Precision": "precision", "Recall": "recall", "F1": "F1"}),
        note=_SECO,
    ),
)


def tables_for(benchmark: str, split: str) -> Sequence[PublishedTable]:
    """The published tables of a benchmark's split."""
    return [table for table in TABLES if (table.benchmark, table.split) == (benchmark, split)]


def published_value(benchmark: str, split: str, metric: str, *, model: str, weights: str) -> float | None:
    """What was published for these very weights, as a fraction of one; None where nothing was.

    Args:
        benchmark, split, metric: As in result rows.
        model: Architecture.
        weights: Registered name of the weights, or `random`.
    """
    name = f"{model}, random" if weights == "random" else weights
    for table in tables_for(benchmark, split):
        column = next((column for column in table.columns if column.name == name), None)
        line = next((row for row, line in enumerate(table.lines) if table.averages.get(line) == metric), None)
        if column is not None and line is not None:
            return column.mean[line] / 100
    return None
