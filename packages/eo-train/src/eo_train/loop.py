"""The loop: batch, views, loss, backward, step, log."""

import hashlib
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer

from eo_train.collapse import CollapseAlarm, embedding_std
from eo_train.gradient import Clock, Draw, accumulate, anyone, contrast_all, untimed
from eo_train.plan import Plan
from eo_train.prepare import Prepare, Prepared
from eo_train.signals import StopRequest

Batch = Mapping[str, Any]
Row = Mapping[str, float | int]


def train(
    fabric: Fabric,
    method: Any,
    optimizer: Optimizer,
    batches: Iterable[Any],
    prepare: Prepare,
    *,
    plan: Plan,
    first: int,
    learning_rate: Callable[[int], float],
    clip: float | None,
    log: Callable[[Row], None],
    log_every: int,
    checkpoint: Callable[[int], None],
    checkpoint_every: int,
    cached: bool = False,
    skip: bool = False,
    clock: Clock = untimed,
) -> int:
    """Trains from step `first` to the end of the plan and returns the step it came to.

    That is `plan.steps`, unless SIGTERM or Ctrl-C asked it to stop: then a checkpoint is saved at the step returned.
    Every draw of a step is seeded by the step, so nothing random has to be saved.

    Args:
        fabric: Devices, precision and processes.
        method: A `Method` that fabric has set up.
        optimizer: Its optimizer, likewise.
        batches: Micro-batches as stored, from step `first` on.
        prepare: Makes the views of a batch on the device.
        plan: Numbers of the run.
        first: Steps done before.
        learning_rate: Of a step.
        clip: Largest norm of the gradient; None leaves it as it is.
        log: Takes a row of metrics.
        log_every: Steps between two of them.
        checkpoint: Saves all that it takes to go on after a number of steps.
        checkpoint_every: Steps between two of them.
        cached: Contrast the images of all micro-batches of a step with one another.
        skip: Leave out the steps whose images hold pixels that are no numbers.
        clock: Times the parts of a step.

    Raises:
        FloatingPointError: The loss is no longer a number.
        ValueError: Pixels are no numbers, or, with `skip`, in every step of an epoch.
    """
    source, meter, alarm = iter(batches), Meter(plan.batch_size, first), CollapseAlarm()
    gradient = contrast_all if cached else accumulate
    with StopRequest() as stop:
        for step in range(first, plan.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step) * group.get("share", 1.0)
            draws = read_draws(fabric, source, prepare, plan, step, meter, clock)
            method.before_step()
            out = gradient(fabric, method, draws, plan.micro_batches, skip=skip, clock=clock)
            norm = None
            with clock("optimizer"):
                if out is not None:
                    norm = fabric.clip_gradients(method, optimizer, max_norm=clip) if clip else None
                    optimizer.step()
                optimizer.zero_grad()
            done = step + 1
            method.after_step(done / plan.steps)

            meter.count(skipped=out is None, most=plan.steps_per_epoch)
            stopped = anyone(fabric, stop.signal is not None)
            if out is not None and (done % log_every == 0 or done == plan.steps or stopped):
                row = measure(fabric, out, norm)
                refuse_nan(row["loss"], done, meter.batch)
                alarm.watch(row["embedding_std"], out["embeddings"].shape[1], done)
                log(
                    {"step": done, "epoch": done / plan.steps_per_epoch, "lr": learning_rate(step)}
                    | row
                    | meter.read(done)
                )
            if done % checkpoint_every == 0 or done == plan.steps or stopped:
                checkpoint(done)
            if stopped:
                return done
    return plan.steps


def read_draws(
    fabric: Fabric, source: Iterator[Batch], prepare: Prepare, plan: Plan, step: int, meter: "Meter", clock: Clock
) -> Iterator[Draw]:
    """The micro-batches of a step, each read when it is asked for, and drawn when it is called."""
    for part in range(plan.micro_batches):
        with clock("waiting for data"):
            batch = meter.waited(source)
        yield partial(draw, fabric, prepare, batch, plan, step, part)


def draw(fabric: Fabric, prepare: Prepare, batch: Batch, plan: Plan, step: int, part: int) -> Prepared:
    """The views of a micro-batch, on the device."""
    return prepare(fabric.to_device(batch), seed_draws(plan, step, part))


def seed_draws(plan: Plan, step: int, part: int) -> torch.Generator:
    """The generator of a micro-batch's views; torch's global one, for masks and dropout, is seeded alike."""
    text = f"{plan.seed} {step} {part} {plan.rank}".encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")
    torch.manual_seed(number)
    return torch.Generator().manual_seed(number)


def measure(fabric: Fabric, out: Mapping[str, Tensor], norm: Tensor | None) -> dict[str, float]:
    """Loss, spread and whatever else the method gave as means over the processes."""
    scalars = {"loss": out["loss"], "embedding_std": embedding_std(out["embeddings"])}
    scalars |= {name: value for name, value in out.items() if name not in ("loss", "embeddings")}
    mean: Any = fabric.all_reduce(torch.stack([value.detach().float() for value in scalars.values()]), reduce_op="mean")
    row = dict(zip(scalars, mean.tolist(), strict=True))
    return row if norm is None else row | {"grad_norm": float(norm)}


def refuse_nan(loss: float, step: int, batch: Batch) -> None:
    """Stops a run whose loss is no longer a number."""
    if not torch.isfinite(torch.tensor(loss)):
        rows = ", ".join(map(str, list(batch.get("id", []))[:4])) or "unnamed rows"
        raise FloatingPointError(
            f"the loss is {loss} at step {step} (batch of {rows}, ...); lower the learning rate or clip the gradient, "
            "and --resume from the last checkpoint"
        )


class Meter:
    """Images a second, the share of the time spent waiting for data and the like, since it was last read."""

    def __init__(self, batch_size: int, first: int) -> None:
        self.batch_size, self.step, self.waiting = batch_size, first, 0.0
        self.skipped = self.in_a_row = 0
        self.batch: Batch = {}
        self.started = self.since = time.perf_counter()

    def waited(self, source: Iterator[Batch]) -> Batch:
        """The next batch, and the time that it took to come."""
        before = time.perf_counter()
        self.batch = next(source)
        self.waiting += time.perf_counter() - before
        return self.batch

    def count(self, *, skipped: bool, most: int) -> None:
        """Counts a step that was left out; `most` of them in a row are no training."""
        self.skipped += skipped
        self.in_a_row = self.in_a_row + 1 if skipped else 0
        if self.in_a_row >= most:
            raise ValueError(
                f"{self.in_a_row} steps in a row, a whole epoch, held NaN or infinite pixels and were left out; mend "
                "the data, or give a smaller batch_size"
            )

    def read(self, step: int) -> dict[str, float]:
        """The figures since the last reading, at a step."""
        now = time.perf_counter()
        spent, steps = now - self.since, step - self.step
        row = {
            "samples_per_s": steps * self.batch_size / spent,
            "data_wait": self.waiting / spent,
            "skipped": self.skipped,
            "peak_memory_mb": peak_memory(),
            "seconds": now - self.started,
        }
        self.since, self.step, self.waiting, self.skipped = now, step, 0.0, 0
        return row


def peak_memory() -> float:
    """Most memory held so far, in MB: of tensors on this process's GPU, else of the whole process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1e6 if sys.platform == "darwin" else used / 1e3  # macOS counts bytes, Linux kilobytes
