"""Which part of an image a sample shows."""

from typing import Literal, NamedTuple, TypeAlias

import torch

Crops: TypeAlias = Literal["tile", "centre", "random"]


class Window(NamedTuple):
    """A square of a larger image, in pixels."""

    row: int
    column: int
    size: int


def tiles(length: int, size: int) -> list[Window]:
    """The fewest squares of `size` that cover a square of `length`, evenly spaced, the first and last at its edges.

    They overlap unless `size` divides `length`: 224 of 256 gives 2 × 2 squares at 0 and 32. Always the same ones.
    """
    count = -(-length // size)
    starts = [round(i * (length - size) / max(1, count - 1)) for i in range(count)]
    return [Window(row, column, size) for row in starts for column in starts]


def centre(length: int, size: int) -> Window:
    """The square in the middle."""
    start = (length - size) // 2
    return Window(start, start, size)


def draw(length: int, size: int) -> Window:
    """A square at random, from torch's global generator.

    Offsets are uniform over 0 .. length - size - 1: the last place is never drawn, as in the code of SSLTransformerRS.
    """
    row, column = torch.randint(max(1, length - size), (2,)).tolist()
    return Window(row, column, size)
