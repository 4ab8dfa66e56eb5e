"""What a training step is made of: the time of each part of the run's own loop."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from rich.table import Table
from torch import nn
from torch.utils.data import Dataset

from eo_models import Backbone
from eo_train.config import PretrainConfig
from eo_train.engine import precision_of
from eo_train.loop import Row, peak_memory
from eo_train.pretrain import Parts, assemble, run_steps

BACKBONES = "of these, in backbones"
WARMUP = 3  # steps that are not counted: caches fill, workers start, kernels are chosen or compiled


class Stopwatch:
    """Adds up the time of named parts; on a GPU it waits for it at both ends of each."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.steps, self.begun = -WARMUP, 0.0
        self.total = 0.0

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Times a part of a step; the optimizer's ends it."""
        before = now()
        yield
        if self.steps >= 0:
            self.seconds[part] += now() - before
        if part == "optimizer":
            self.steps += 1
            if self.steps == 0:
                self.begun = now()
            self.total = now() - self.begun

    def watch(self, module: nn.Module, part: str) -> None:
        """Times a module's forward pass."""
        entered: list[Any] = []

        def enter(module: nn.Module, inputs: object) -> None:
            entered.append(self(part))
            entered[-1].__enter__()

        def leave(module: nn.Module, inputs: object, output: object) -> None:
            entered.pop().__exit__(None, None, None)

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)


def now() -> float:
    """Seconds, once the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What `profile` found."""

    parts: dict[str, float]
    """Seconds of each part of a step, which add up to it; the last, time in backbones, is within the others."""
    step: float
    """Seconds of a step."""
    batch_size: int
    """Images of a step."""
    peak_memory_mb: float
    """Most memory held: of tensors on the GPU, else of the whole process."""
    described: str
    """What ran, and where."""

    def table(self) -> Table:
        """For a person to read."""
        table = Table("part of a step", box=None)
        table.add_column("ms", justify="right")
        table.add_column("share", justify="right")
        for name, seconds in self.parts.items():
            table.add_row(name, f"{1e3 * seconds:.1f}", f"{seconds / self.step:.1%}")
        table.add_row("step", f"{1e3 * self.step:.1f}", f"{self.batch_size / self.step:.0f} images/s")
        return table


def profile(config: PretrainConfig, dataset: Dataset[Any] | None = None, *, steps: int = 20) -> Profile:
    """Runs some steps of a run, from its initial weights, and times their parts; nothing is written.

    Args:
        config: The run; its `output` is not touched.
        dataset: Instead of the one that `config.data` names.
        steps: How many to average over, after three that are not counted.

    Raises:
        ValueError: The run has fewer steps than that, or does not fit its data.
    """
    parts, watch = assemble(config, dataset), Stopwatch()
    first = parts.plan.steps - steps - WARMUP
    if first < 0 or steps < 1:
        raise ValueError(
            f"a profile of {steps} steps wants a run of {steps + WARMUP}, got {parts.plan.steps}; raise epochs or "
            "lower --steps"
        )
    for module in parts.method.modules():
        if isinstance(module, Backbone) and not module.parts:
            watch.watch(module, BACKBONES)
    run_steps(config, parts, first=first, log=_forget, checkpoint=_keep_nothing, clock=watch)
    return summarize(config, parts, watch)


def summarize(config: PretrainConfig, parts: Parts, watch: Stopwatch) -> Profile:
    """Means over the steps, the parts of the loop and what is left between them."""
    mean = {name: seconds / watch.steps for name, seconds in watch.seconds.items()}
    step, backbones = watch.total / watch.steps, mean.pop(BACKBONES, 0.0)
    rest = {"metrics and the rest": max(0.0, step - sum(mean.values()))}
    device = (
        torch.cuda.get_device_name() if parts.fabric.device.type == "cuda" else f"{torch.get_num_threads()} threads"
    )
    return Profile(
        parts=mean | rest | {BACKBONES: backbones},
        step=step,
        batch_size=config.batch_size,
        peak_memory_mb=peak_memory(),
        described=(
            f"{config.method['name']}, {parts.backbone.name}, {config.view_size} px, "
            f"{config.batch_size} images a step, {precision_of(config.engine)}, "
            f"{parts.fabric.world_size} x {parts.fabric.device.type} ({device}), "
            f"{config.engine.num_workers} workers"
        ),
    )


def _forget(row: Row) -> None:
    """A profile keeps no metrics."""


def _keep_nothing(step: int) -> None:
    """Nor weights."""
