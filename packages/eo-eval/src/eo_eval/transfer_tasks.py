"""The transfer tasks, one frozen record each: those of SeCo here, those of two sensors beside them."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch.utils.data import Dataset

from eo_data import OSCD, BigEarthNet, EuroSAT
from eo_eval.pair_tasks import PAIR_TASKS
from eo_eval.transfer_task import Recipe, Transfer
from eo_train import InputConfig, OptimConfig

VISIBLE = ("B04", "B03", "B02")


def get_transfer(name: str) -> Transfer:
    """The task of this name."""
    if name not in TRANSFERS:
        near = get_close_matches(name, TRANSFERS, n=3, cutoff=0.3) or list(TRANSFERS)
        raise ValueError(f"unknown benchmark {name!r} to fine-tune on; nearest known: {', '.join(near)}")
    return TRANSFERS[name]


def _bigearthnet(root: Path, split: str, bands: tuple[str, ...], **arguments: Any) -> Dataset[Any]:
    return BigEarthNet(root, split, bands=bands, **arguments)


def _eurosat(root: Path, split: str, bands: tuple[str, ...], **arguments: Any) -> Dataset[Any]:
    return EuroSAT(root, split, images="rgb", bands=bands, **arguments)


def _oscd(root: Path, split: str, bands: tuple[str, ...], **arguments: Any) -> Dataset[Any]:
    return OSCD(root, split, bands=bands, **arguments)


def _down(lr: float) -> OptimConfig:
    """Adam, a tenth of the learning rate after 60 % and again after 80 % of the epochs."""
    return OptimConfig(name="adam", lr=lr, weight_decay=0.0, schedule="steps", milestones=(0.6, 0.8), gamma=0.1)


# What follows under `published` is the transfer code of ServiceNow/seasonal-contrast: main_bigearthnet.py,
# main_eurosat.py, main_oscd.py, with the batch size that its README gives for four processes.
_BEN = Recipe(
    split="val",
    data={"splits": "seco"},
    fraction=0.1,
    replacement=True,
    normalization="seco_bigearthnet",
    inputs=InputConfig(size=128, interpolation="bicubic", eight_bit=True),
    batch_norm="frozen",
    dropout=0.2,
    optim=_down(1e-3),
    batch_size=1024,
    metric_batch=256,
    seed=42,
)
_BEN_MEANT = Recipe(split="test", fraction=0.1, dropout=0.2, optim=_down(1e-3), batch_size=256)
_EUROSAT = Recipe(
    split="val",
    normalization="rgb01",
    batch_norm="moving",
    optim=_down(1e-3),
    batch_size=32,
    metric_batch=32,
    seed=42,
)
_EVERY_EPOCH = tuple(epoch / 100 for epoch in range(1, 100))
_OSCD_OPTIM = OptimConfig(
    name="adam", lr=1e-3, weight_decay=1e-4, decay="all", schedule="steps", milestones=_EVERY_EPOCH, gamma=0.95
)
_OSCD = Recipe(
    split="test",
    data={"border": "zero"},
    normalization="seco_oscd",
    batch_norm="moving",
    turns=("hflip", "rot90"),
    optim=_OSCD_OPTIM,
    batch_size=32,
    metric_batch=32,
    seed=42,
)

_BIGEARTHNET = Transfer(
    name="bigearthnet_linear",
    measure="labels",
    metric="micro_mAP",
    sensor="sentinel2-l2a",
    bands=VISIBLE,
    head="multilabel",
    num_outputs=19,
    splits=("train", "val", "test"),
    open=_bigearthnet,
    protocols={"published": _BEN, "recommended": _BEN_MEANT},
    paper="arXiv 1902.06148; protocol arXiv 2103.16607",
    about="19 land covers from a tenth of the labels, a linear layer on the frozen feature",
)

TRANSFERS: Mapping[str, Transfer] = MappingProxyType(
    {
        task.name: task
        for task in (
            _BIGEARTHNET,
            replace(
                _BIGEARTHNET,
                name="bigearthnet_finetune",
                protocols={
                    "published": replace(_BEN, trained="all", optim=_down(1e-5)),
                    "recommended": replace(_BEN_MEANT, trained="all", batch_norm="moving", optim=_down(1e-4)),
                },
                about="the same with the backbone trained too",
            ),
            Transfer(
                name="eurosat_linear",
                measure="classes",
                metric="accuracy",
                sensor="rgb",
                bands=("R", "G", "B"),
                equivalents={"R": "B04", "G": "B03", "B": "B02"},
                head="classify",
                num_outputs=len(EuroSAT.CLASSES),
                splits=("train", "val", "test"),
                open=_eurosat,
                protocols={
                    "published": _EUROSAT,
                    "recommended": Recipe(split="test", optim=_down(1e-3), batch_size=32),
                },
                paper="doi 10.1109/JSTARS.2019.2918242; protocol arXiv 2103.16607",
                about="land use in ten classes, RGB pictures, a linear layer trained by gradient descent",
            ),
            Transfer(
                name="oscd",
                measure="change",
                metric="F1",
                sensor="sentinel2-l1c",
                bands=VISIBLE,
                neck="seco_unet",
                head="change",
                num_outputs=1,
                splits=("train", "test"),
                open=_oscd,
                protocols={
                    "published": _OSCD,
                    "recommended": Recipe(split="test", turns=("hflip", "rot90"), optim=_OSCD_OPTIM, batch_size=32),
                },
                paper="doi 10.1109/IGARSS.2018.8518015; protocol arXiv 2103.16607",
                about="what was built between two dates, per pixel: a U-Net on a frozen ResNet",
            ),
            *PAIR_TASKS,
        )
    }
)
