"""What every loss asks of its input, and what it answers when the input is not so."""

import difflib
import math
from collections.abc import Sequence

import torch
from torch import Tensor


def check_shape(name: str, x: Tensor, shape: str) -> None:
    """Raise unless `x` has as many axes as `shape`, such as "(B, D)", and none of them is empty."""
    if x.ndim != shape.count(",") + 1 or 0 in x.shape:
        raise ValueError(f"{name} must be {shape} with no empty axis, got {tuple(x.shape)}")


def check_floating(name: str, x: Tensor) -> None:
    """Raise unless `x` holds floats."""
    if not x.is_floating_point():
        raise ValueError(f"{name} must be floating point, got {x.dtype}; convert it with {name}.float()")


def check_pair(name1: str, x1: Tensor, name2: str, x2: Tensor) -> None:
    """Raise unless both are finite floats (B, D) of one shape, so that row i of one belongs to row i of the other."""
    if x1.ndim != 2 or x1.shape != x2.shape or 0 in x1.shape:
        shapes = f"{tuple(x1.shape)} and {tuple(x2.shape)}"
        raise ValueError(f"{name1} and {name2} must both be (B, D), rows matching, no axis empty, got {shapes}")
    for name, x in ((name1, x1), (name2, x2)):
        check_floating(name, x)
        check_finite(name, x)


def check_pairs(name: str, x: Tensor, shape: tuple[int, int]) -> None:
    """Raise unless `x` has a value for every pair: this rank's samples by those of all ranks."""
    if x.shape != shape:
        raise ValueError(
            f"{name} must be {shape}, samples of this process by samples of all in rank order, got {tuple(x.shape)}"
        )


def check_finite(name: str, x: Tensor) -> None:
    """Raise where `x` holds NaN or infinity; a compiler cannot trace the question, so it is not asked there."""
    if torch.compiler.is_compiling():
        return
    x = x.detach()
    if math.isfinite(x.sum(dtype=torch.promote_types(x.dtype, torch.float32)).item()):
        return  # one pass and no mask: a sum over NaN or infinity is never finite
    bad = ~x.isfinite().flatten(1).all(1)
    if bad.any():
        rows, first = int(bad.sum()), int(bad.nonzero()[0])
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {rows} of {len(x)} rows, first in row {first}; "
            "skip the batch, lower the learning rate, or scale the loss if this is float16"
        )


def check_range(name: str, x: Tensor, low: float, high: float, hint: str) -> None:
    """Raise unless every value lies in [low, high]; not asked under a compiler."""
    if torch.compiler.is_compiling():
        return
    x = x.detach()
    least, most = x.min().item(), x.max().item()
    if not (low <= least and most <= high and math.isfinite(most)):
        raise ValueError(f"{name} must be finite and in [{low:g}, {high:g}], got {least:g} to {most:g}; {hint}")


def check_positive(name: str, value: float, usual: str) -> None:
    """Raise unless the constant is a finite number above zero."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number > 0, got {value}; usual is {usual}")


def check_temperature(temperature: float) -> None:
    """Raise unless the temperature can divide."""
    check_positive("temperature", temperature, "0.05 to 0.5")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise unless `value` is one of `choices`; the message holds the nearest and all of them."""
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        meant = f", did you mean {near[0]!r}?" if near else ";"
        raise ValueError(f"unknown {name} {value!r}{meant} expected one of {', '.join(map(repr, choices))}")
