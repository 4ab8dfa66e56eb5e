"""The gradient of one optimizer step: of its micro-batches one by one, or of all of them as one batch."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from eo_train.prepare import BadPixelsError, Prepared

Draw = Callable[[], Prepared]
"""A micro-batch as views: the same ones at every call, drawn from a seed of its own."""
Clock = Callable[[str], AbstractContextManager[object]]
"""Times a named part of a step."""
Outputs = dict[str, Tensor]


def untimed(part: str) -> AbstractContextManager[object]:
    """The clock of a run that nobody profiles."""
    return nullcontext()


def accumulate(
    fabric: Fabric, method: Any, draws: Iterable[Draw], count: int, *, skip: bool = False, clock: Clock = untimed
) -> Outputs | None:
    """Adds up the gradients of `count` micro-batches, each contrasted within itself.

    Returns:
        What the method gave for the last of them, with the mean `loss` of all; None where `skip` let one pass by.
    """
    loss, out = torch.zeros((), device=fabric.device), Outputs()
    rest = iter(draws)
    for part, draw in enumerate(rest):
        with clock("views"):
            prepared = drawn(fabric, draw, skip=skip)
        if prepared is None:
            for _ in rest:  # the data of this step are used up all the same
                pass
            return None
        with fabric.no_backward_sync(method, enabled=part < count - 1):
            with clock("forward"):
                out = method("training_loss", prepared)
            with clock("backward"):
                fabric.backward(out["loss"] / count)
        loss += out["loss"].detach() / count
    return out | {"loss": loss}


def contrast_all(
    fabric: Fabric, method: Any, draws: Iterable[Draw], count: int, *, skip: bool = False, clock: Clock = untimed
) -> Outputs | None:
    """The gradient of `count` micro-batches contrasted as one batch, in the memory of one (arXiv 2101.06983).

    First every micro-batch goes through the networks without a graph. The loss of all their outputs gives the gradient
    by each output; then every micro-batch goes through again, with a graph, and takes its outputs' gradients on. That
    is the chain rule, so the sum is exact, for one more forward pass. Only batch norm can tell: it sees a micro-batch
    at a time, in both passes alike, and moves its running statistics in the second alone.

    Returns:
        What the method gave for the whole batch; None where `skip` let a micro-batch pass by.
    """
    draws, found = list(draws), []
    for draw in draws:
        with clock("views"):
            prepared = drawn(fabric, draw, skip=skip)
        if prepared is None:
            return None
        with clock("forward without graph"), torch.no_grad():
            with still_statistics(method):
                embedded = method("embed", prepared)
            found.append((embedded, method("reference", prepared)))
    with clock("loss"):
        embedded, sizes = joined([each for each, _ in found])
        leaves = {name: rows.requires_grad_() for name, rows in embedded.items()}
        with fabric.autocast():
            out: Outputs = method.module.loss(leaves | joined([each for _, each in found])[0])
        gradients = torch.autograd.grad(out["loss"], list(leaves.values()))
    parts = zip(*(torch.split(gradient, sizes) for gradient in gradients), strict=True)
    for part, (draw, gradient) in enumerate(zip(draws, parts, strict=True)):
        with clock("views"):
            prepared = draw()
        with fabric.no_backward_sync(method, enabled=part < count - 1):
            with clock("forward"):
                again = method("embed", prepared)
            with clock("backward"):
                fabric.backward(
                    torch.stack([(again[n] * g).sum() for n, g in zip(leaves, gradient, strict=True)]).sum()
                )
    return out | {"loss": out["loss"].detach()}


def drawn(fabric: Fabric, draw: Draw, *, skip: bool) -> Prepared | None:
    """The views of a micro-batch; None, on all processes, where pixels are bad on one and that is let pass."""
    if not skip:
        return draw()
    try:
        prepared = draw()
    except BadPixelsError:
        prepared = None
    return None if anyone(fabric, prepared is None) else prepared


def anyone(fabric: Fabric, asked: bool) -> bool:
    """Whether any process says so."""
    if fabric.world_size == 1:
        return asked
    votes: Any = fabric.all_reduce(torch.tensor(float(asked), device=fabric.device), reduce_op="sum")
    return bool(votes > 0)


def joined(outputs: Sequence[Mapping[str, Tensor]]) -> tuple[Outputs, list[int]]:
    """The rows of all micro-batches by name, and how many each of them has."""
    names = list(outputs[0])
    sizes = [len(each[names[0]]) for each in outputs] if names else []
    return {name: torch.cat([each[name] for each in outputs]) for name in names}, sizes


@contextmanager
def still_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norm goes on by the statistics of the batch, and leaves its running ones alone."""
    moving = [each for each in module.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm) and each.training]
    moving = [each for each in moving if each.track_running_stats]
    try:
        for each in moving:
            each.track_running_stats = False
        yield
    finally:
        for each in moving:
            each.track_running_stats = True
