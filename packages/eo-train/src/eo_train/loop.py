"""The loop: batch, views, loss, backward, step, log."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer

from eo_train.collapse import CollapseAlarm, embedding_std
from eo_train.plan import Plan
from eo_train.prepare import Prepare
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
) -> int:
    """Trains from step `first` to the end of the plan and returns the step it came to.

    That is `plan.steps`, unless SIGTERM or Ctrl-C asked it to stop: then a checkpoint is saved at the step returned.
    Every draw of a step is seeded by the step, so nothing random has to be saved.

    Args:
        fabric: Devices, precision and processes.
        method: A `Method` that fabric has set up.
        optimizer: Its optimizer, likewise.
        batches: Micro-batches as stored, from step `first` on.
        prepare: Makes two views of a batch on the device.
        plan: Numbers of the run.
        first: Steps done before.
        learning_rate: Of a step.
        clip: Largest norm of the gradient; None leaves it as it is.
        log: Takes a row of metrics.
        log_every: Steps between two of them.
        checkpoint: Saves all that it takes to go on after a number of steps.
        checkpoint_every: Steps between two of them.

    Raises:
        FloatingPointError: The loss is no longer a number.
    """
    source, meter, alarm = iter(batches), Meter(plan.batch_size, first), CollapseAlarm()
    with StopRequest() as stop:
        for step in range(first, plan.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step)
            loss = torch.zeros((), device=fabric.device)
            for part in range(plan.micro_batches):
                batch = meter.waited(source)
                prepared = prepare(batch, seed_draws(plan, step, part))
                with fabric.no_backward_sync(method, enabled=part < plan.micro_batches - 1):
                    out = method.training_loss(prepared)
                    fabric.backward(out["loss"] / plan.micro_batches)
                loss += out["loss"].detach() / plan.micro_batches
            norm = fabric.clip_gradients(method, optimizer, max_norm=clip) if clip else None
            optimizer.step()
            optimizer.zero_grad()
            done = step + 1
            method.after_step(done / plan.steps)

            stopped = anyone(fabric, stop.signal is not None)
            if done % log_every == 0 or done == plan.steps or stopped:
                row = measure(fabric, loss, out["embeddings"], norm)
                refuse_nan(row["loss"], done, batch)
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


def seed_draws(plan: Plan, step: int, part: int) -> torch.Generator:
    """The generator of a micro-batch's views; torch's global one, for masks and dropout, is seeded alike."""
    text = f"{plan.seed} {step} {part} {plan.rank}".encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")
    torch.manual_seed(number)
    return torch.Generator().manual_seed(number)


def measure(fabric: Fabric, loss: Tensor, embeddings: Tensor, norm: Tensor | None) -> dict[str, float]:
    """Loss and spread as means over the processes."""
    values = torch.stack([loss, embedding_std(embeddings)])
    mean = fabric.all_reduce(values, reduce_op="mean")
    row = {"loss": float(mean[0]), "embedding_std": float(mean[1])}
    return row if norm is None else row | {"grad_norm": float(norm)}


def refuse_nan(loss: float, step: int, batch: Batch) -> None:
    """Stops a run whose loss is no longer a number."""
    if not torch.isfinite(torch.tensor(loss)):
        rows = ", ".join(map(str, list(batch.get("id", []))[:4])) or "unnamed rows"
        raise FloatingPointError(
            f"the loss is {loss} at step {step} (batch of {rows}, ...); lower the learning rate or clip the gradient, "
            "and --resume from the last checkpoint"
        )


def anyone(fabric: Fabric, asked: bool) -> bool:
    """Whether any process was asked to stop."""
    if fabric.world_size == 1:
        return asked
    votes: Any = fabric.all_reduce(torch.tensor(float(asked), device=fabric.device), reduce_op="sum")
    return bool(votes > 0)


class Meter:
    """Images a second and the share of the time spent waiting for data, since it was last read."""

    def __init__(self, batch_size: int, first: int) -> None:
        self.batch_size, self.step, self.waiting = batch_size, first, 0.0
        self.started = self.since = time.perf_counter()

    def waited(self, source: Iterator[Batch]) -> Batch:
        """The next batch, and the time that it took to come."""
        before = time.perf_counter()
        batch = next(source)
        self.waiting += time.perf_counter() - before
        return batch

    def read(self, step: int) -> dict[str, float]:
        """The figures since the last reading, at a step."""
        now = time.perf_counter()
        spent, steps = now - self.since, step - self.step
        row = {
            "samples_per_s": steps * self.batch_size / spent,
            "data_wait": self.waiting / spent,
            "seconds": now - self.started,
        }
        self.since, self.step, self.waiting = now, step, 0.0
        return row
