"""What a transfer task is: a head trained on a backbone, by which protocol, and what is measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from torch.utils.data import Dataset

from eo_eval.benchmarks import Bands, by_sensor
from eo_train import InputConfig, OptimConfig

Open = Callable[..., Dataset[Any]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to do a task, switch by switch: what the authors' code did, quirks included, or what they meant."""

    split: str
    """What is scored when nothing else is asked for."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the data set, for training and for scoring."""
    train_data: Mapping[str, Any] = field(default_factory=dict)
    """More of them, for training alone."""
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
    backbone_lr: float = 1.0
    """Learning rate of the backbone as a share of the head's."""
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
    measure: Literal["classes", "labels", "change", "maps"]
    metric: str
    """The headline."""
    metrics: tuple[str, ...] = ()
    """What is measured; empty: what is usual for `measure`."""
    background: int | None = None
    """A class that the averages leave out."""
    classes: tuple[str, ...] = ()
    """In label order, where the report is to name them."""
    sensor: str
    """Of the images; of two sensors `a+b`."""
    bands: Bands
    """What an architecture without bands of its own gets; of two sensors by `s1` and `s2`."""
    equivalents: Mapping[str, str] = field(default_factory=dict)
    """Which band of another sensor each of ours is, for models that were made for that one."""
    neck: str | None = None
    necks: Mapping[str, str] = field(default_factory=dict)
    """Architectures that get another neck."""
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

    def input_of(self, architecture: str, sensor: str | None = None) -> tuple[Bands, str | dict[str, str]]:
        """Bands and sensor that an architecture without bands of its own gets: those asked for, else the task's.

        Of a task on two sensors, one of a single sensor gets Sentinel-2.
        """
        pair, dual = "+" in self.sensor, architecture.startswith("dual_")
        if not pair or (dual and sensor is None):
            return self.bands, by_sensor(self.sensor)
        assert isinstance(self.bands, Mapping)
        names = self.sensor.split("+")
        wanted = sensor or names[1]
        if wanted not in names:
            raise ValueError(f"{self.name} has no images of {wanted}; it has {', '.join(names)}")
        return self.bands[("s1", "s2")[names.index(wanted)]], wanted
