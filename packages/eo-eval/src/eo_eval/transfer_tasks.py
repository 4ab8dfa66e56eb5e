"""Transfer tasks: a head trained on a backbone, by which protocol, and what is measured; one frozen record each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from torch.utils.data import Dataset

from eo_data import OSCD, BigEarthNet, EuroSAT
from eo_train import InputConfig, OptimConfig

VISIBLE = ("B04", "B03", "B02")
Open = Callable[..., Dataset[Any]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to do a task, switch by switch: what the authors' code did, quirks included, or what they meant."""

    split: str
    """What is scored when nothing else is asked for."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the data set, for training and for scoring."""
    fraction: float = 1.0
    """Share of the train labels."""
    replacement: bool = False
    """Draw it with replacement, `numpy.random.default_rng(seed).choice(N, int(fraction * N))`."""
    normalization: str | None = None
    """Steps by name; None: those that the model carries, or of a model without any, those recommended for the data."""
    inputs: InputConfig = field(default_factory=InputConfig)
    """How images are resized."""
    trained: Literal["head", "all"] = "head"
    """What gets gradients."""
    batch_norm: Literal["frozen", "batch", "moving"] = "frozen"
    """What the backbone's batch norms go by."""
    dropout: float = 0.0
    """On the feature."""
    turns: tuple[str, ...] = ()
    """Random flips and quarter turns of train images."""
    optim: OptimConfig
    epochs: int = 100
    batch_size: int
    metric_batch: int | None = None
    """Measure batches of so many images and take the mean; None measures over the whole set."""
    seed: int = 0
    """Of fraction, order and head."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One task."""

    name: str
    measure: Literal["classes", "labels", "change"]
    metric: str
    """The headline."""
    sensor: str
    """Of the images."""
    bands: tuple[str, ...]
    """What an architecture without bands of its own gets."""
    equivalents: Mapping[str, str] = field(default_factory=dict)
    """Which band of another sensor each of ours is, for models that were made for that one."""
    neck: str | None = None
    head: str
    num_outputs: int | None
    splits: tuple[str, ...]
    open: Open
    """root, split, bands, and arguments of the data set."""
    protocols: Mapping[str, Recipe]
    paper: str
    about: str

    def recipe(self, protocol: str) -> Recipe:
        """The switches of a protocol."""
        if protocol not in self.protocols:
            near = get_close_matches(protocol, self.protocols, n=1, cutoff=0.3) or list(self.protocols)
            raise ValueError(f"unknown protocol {protocol!r} of {self.name}; nearest known: {', '.join(near)}")
        return self.protocols[protocol]


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

TRANSFERS: Mapping[str, Transfer] = MappingProxyType(
    {
        task.name: task
        for task in (
            Transfer(
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
            ),
            Transfer(
                name="bigearthnet_finetune",
                measure="labels",
                metric="micro_mAP",
                sensor="sentinel2-l2a",
                bands=VISIBLE,
                head="multilabel",
                num_outputs=19,
                splits=("train", "val", "test"),
                open=_bigearthnet,
                protocols={
                    "published": replace(_BEN, trained="all", optim=_down(1e-5)),
                    "recommended": replace(_BEN_MEANT, trained="all", batch_norm="moving", optim=_down(1e-4)),
                },
                paper="arXiv 1902.06148; protocol arXiv 2103.16607",
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
        )
    }
)
