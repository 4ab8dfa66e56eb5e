"""Flips and quarter turns of images together with what is known of their pixels."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

Image: TypeAlias = Tensor | Mapping[str, Tensor]
"""(B, ..., H, W), or for two sensors one such under `s1` and one under `s2`."""
TURNS: Mapping[str, Sequence[Callable[[Tensor], Tensor]]] = {
    "hflip": (lambda x: x, lambda x: x.flip(-1)),
    "vflip": (lambda x: x, lambda x: x.flip(-2)),
    "rot90": tuple(partial(torch.rot90, k=k, dims=(-2, -1)) for k in range(4)),
}
"""By name, what may happen to an image, each with the same probability."""


def turn(images: Image, target: Tensor, names: Sequence[str], generator: torch.Generator) -> tuple[Image, Tensor]:
    """Each image of a batch turned at random, its mask with it; a target without pixels stays as it is.

    Args:
        images: (B, ..., H, W), H = W for `rot90`, or a mapping of such by sensor.
        target: (B, H, W) mask, or classes (B,) or (B, K).
        names: Keys of `TURNS`, in the order of their doing.
        generator: On the CPU, where the draws are made.
    """
    for name in names:
        ways = TURNS[name]
        drawn = torch.randint(len(ways), (len(target),), generator=generator)
        if isinstance(images, Tensor):
            images = _turned(images, ways, drawn)
        else:
            images = {key: _turned(each, ways, drawn) for key, each in images.items()}
        target = _turned(target, ways, drawn) if target.ndim == 3 else target
    return images, target


def _turned(x: Tensor, ways: Sequence[Callable[[Tensor], Tensor]], drawn: Tensor) -> Tensor:
    out = torch.empty_like(x)
    for number, way in enumerate(ways):
        rows = (drawn == number).nonzero().flatten().to(x.device)
        out[rows] = way(x[rows])
    return out
