"""Transfer tasks on two sensors of one place, by the protocols of SSLTransformerRS and SupCon_SSL."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from torch.utils.data import Dataset, Subset

from eo_data import DFC2020, MeterML
from eo_data.land_cover import DFC_CLASSES
from eo_data.subset import take_fraction
from eo_eval.benchmarks import BENCHMARKS, PAIR, all_bands
from eo_eval.confusion import OF_MAPS
from eo_eval.transfer_task import Open, Recipe, Transfer
from eo_train import OptimConfig


class Part(Subset[Any]):
    """Some rows of a data set, with an id of its own for that choice."""

    def __init__(self, dataset: Any, rows: Sequence[int]) -> None:
        super().__init__(dataset, rows)
        self.ids = tuple(dataset.ids[row] for row in rows)

    @property
    def split_id(self) -> str:
        """As of `eo_data.ImageDataset`."""
        return sha256("\n".join(sorted(self.ids)).encode()).hexdigest()[:12]


def _by_share(open_whole: Open) -> Open:
    """Opens a share of the rows, of every class its share; smaller shares lie in larger ones."""

    def open_share(
        root: Path,
        split: str,
        bands: Any,
        *,
        fraction: float = 1.0,
        replacement: bool = False,
        seed: int = 0,
        **arguments: Any,
    ) -> Dataset[Any]:
        dataset: Any = open_whole(root, split, bands, **arguments)
        if fraction == 1 and not replacement:
            return dataset  # type: ignore[no-any-return]
        strata = None if replacement else dataset.strata()
        return Part(dataset, take_fraction(dataset.ids, strata, fraction, seed=seed, replacement=replacement))

    return open_share


def _product(bands: Any) -> Any:
    """What to read for a model with these bands: both sensors, or the one whose bands they are."""
    if isinstance(bands, Mapping):
        return ("s1", "s2")
    return "s1" if set(bands) <= {"VV", "VH"} else "s2"


def _dfc2020(target: Literal["label", "multilabel", "mask"]) -> Open:
    def open_split(root: Path, split: str, bands: Any, **arguments: Any) -> Dataset[Any]:
        name: Any = "validation" if split == "train" else split
        return DFC2020(root, name, product=_product(bands), bands=_given(bands), target=target, **arguments)

    return _by_share(open_split)


@_by_share
def _meterml(root: Path, split: Any, bands: Any, **arguments: Any) -> Dataset[Any]:
    return MeterML(root, split, product=_product(bands), bands=_given(bands), **arguments)


def _given(bands: Any) -> Any:
    return dict(bands) if isinstance(bands, Mapping) else bands


# HSG-AIML/SSLTransformerRS:train_evaluation.py with its defaults, and the batch size of its scripts for two sensors:
# the head at 3e-6, the backbone at 1e-5, both a tenth after 100 of 201 epochs; batch norm and drop path as in training.
_CODED = Recipe(
    split="test",
    data={"size": 224, "crops": "random"},
    train_data={"balanced": True},
    normalization="ssltransformerrs",
    trained="all",
    batch_norm="moving",
    backbone_lr=1e-5 / 3e-6,
    optim=OptimConfig(
        name="adam", lr=3e-6, weight_decay=1e-3, decay="all", schedule="steps", milestones=(100 / 201,), gamma=0.1
    ),
    epochs=201,
    batch_size=32,
    metric_batch=32,
    seed=42,
)
_MEANT = Recipe(
    split="test",
    data={"size": 224},
    trained="all",
    batch_norm="moving",
    backbone_lr=0.1,
    optim=OptimConfig(name="adamw", lr=1e-3, weight_decay=1e-3, warmup_epochs=1),
    epochs=30,
    batch_size=32,
)
# bakiuzun/SupCon_SSL:meterml_finetune.py, its baseline of cross-entropy alone.
_METERML = Recipe(
    split="val",
    normalization="meterml-supcon",
    trained="all",
    batch_norm="moving",
    optim=OptimConfig(name="sgd", lr=0.01, momentum=0.0, nesterov=False, weight_decay=0.0, schedule="constant"),
    epochs=121,
    batch_size=32,
    seed=10,
)


def _task(name: str, measure: Any, head: str, target: Any, about: str) -> Transfer:
    metrics = tuple(OF_MAPS) if measure == "maps" else BENCHMARKS[name].metrics
    coded = _CODED if measure == "maps" else replace(_CODED, metric_batch=None)  # labels are counted over the set
    return Transfer(
        name=name,
        measure=measure,
        metric=metrics[0],
        metrics=metrics,
        sensor=PAIR,
        bands=all_bands(PAIR),
        neck="fpn+upsample" if measure == "maps" else None,
        necks={"swin_tiny": "swin_unet", "dual_swin_tiny": "swin_unet"} if measure == "maps" else {},
        head=head,
        classes=DFC_CLASSES,
        num_outputs=len(DFC_CLASSES),
        splits=("train", "test"),
        open=_dfc2020(target),
        protocols={"published": coded, "recommended": _MEANT},
        paper="doi 10.21227/rha7-m332; protocol doi 10.1109/cvprw56347.2022.00148",
        about=about,
    )


PAIR_TASKS: tuple[Transfer, ...] = (
    _task("dfc2020", "classes", "classify", "label", "commonest land cover of a patch, one sensor or both"),
    _task("dfc2020_multilabel", "labels", "multilabel", "multilabel", "land covers of a tenth of a patch or more"),
    _task(
        "dfc2020_segmentation",
        "maps",
        "segment",
        "mask",
        "land cover of every pixel: a Swin-UNet on a Swin-T, an FPN on others",
    ),
    Transfer(
        name="meterml",
        measure="classes",
        metric="average_accuracy",
        metrics=BENCHMARKS["meterml"].metrics,
        background=BENCHMARKS["meterml"].background,
        sensor=PAIR,
        bands={"s1": ("VV", "VH"), "s2": ("B04", "B03", "B02", "B08")},
        head="classify",
        classes=MeterML.CLASSES,
        num_outputs=len(MeterML.CLASSES),
        splits=("train", "val", "test"),
        open=_meterml,
        protocols={"published": _METERML, "recommended": replace(_MEANT, split="val", data={})},
        paper="arXiv 2207.11166; protocol bakiuzun/SupCon_SSL",
        about="six sources of methane and none, one sensor or both; averages are over the six",
    ),
)
