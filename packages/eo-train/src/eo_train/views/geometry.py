"""Crops, flips and blur as one small matrix per sample and axis.

A crop resized to the view, a mirror and a Gaussian blur are linear and act on rows and columns separately, so a view is
`rows @ image @ columns.T`. Two batched products do what a loop over samples would, with other parameters for each.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

BLOCK = 32  # lines of a view that a CPU makes at a time
ATTEMPTS = 10  # as torchvision's RandomResizedCrop, which then falls back to a central crop


@dataclass(frozen=True)
class Place:
    """Where each view of a batch is taken from its image, and how it is turned."""

    size: tuple[int, ...]
    """Rows and columns of the images."""
    crops: Tensor
    """Top, left, height, width in pixels, (B, 4)."""
    vflip: Tensor
    """Whether top and bottom are swapped, (B,) bool."""
    hflip: Tensor
    """Whether left and right are swapped, (B,) bool."""
    transpose: Tensor
    """Whether rows and columns are swapped afterwards, (B,) bool."""
    angle: Tensor | None = None
    """Turn about the centre after that, degrees counterclockwise, (B,); None turns nothing."""


def draw_crops(
    count: int, height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float], generator: Generator
) -> Tensor:
    """Random crops, distributed as those of torchvision's `RandomResizedCrop`.

    Args:
        count: Number of crops, B.
        height: Rows of the image.
        width: Columns of the image.
        scale: Range of the share of the area kept, within (0, 1].
        ratio: Range of width over height.
        generator: Source of randomness, on the CPU.

    Returns:
        (B, 4) float tensor of whole numbers: top, left, height, width, in pixels.
    """
    draws = torch.rand(4, count, ATTEMPTS, generator=generator)
    area = height * width * (scale[0] + (scale[1] - scale[0]) * draws[0])
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = torch.exp(low + (high - low) * draws[1])
    w, h = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (w >= 1) & (w <= width) & (h >= 1) & (h <= height)
    top, left = (draws[2] * (height - h + 1)).floor(), (draws[3] * (width - w + 1)).floor()
    crops = torch.stack([top, left, h, w], dim=-1)  # (B, attempts, 4)
    first = fits.int().argmax(dim=1)  # the first attempt that fits, 0 where none does
    chosen = crops[torch.arange(count), first]
    return torch.where(fits.any(dim=1, keepdim=True), chosen, _central_crop(height, width, ratio))


def _central_crop(height: int, width: int, ratio: tuple[float, float]) -> Tensor:
    w = min(width, max(1, round(height * ratio[1])))
    h = min(height, max(1, round(width / ratio[0])))
    return torch.tensor([(height - h) // 2, (width - w) // 2, h, w], dtype=torch.float32)


def resize_matrix(start: Tensor, length: Tensor, flip: Tensor, source: int, size: int) -> Tensor:
    """The linear map from a line of `source` pixels to the `size` pixels of a resized, perhaps mirrored crop of it.

    Bilinear, and antialiased where the crop is larger than the view: a triangle as wide as the larger pixel, cut off at
    the crop's border, each row summing to 1. Equal to torchvision's `resized_crop(..., antialias=True)`.

    Args:
        start: First pixel of each crop, (B,).
        length: Pixels of each crop, (B,), >= 1.
        flip: Whether each is mirrored, (B,) bool.
        source: Pixels of the line.
        size: Pixels of the view.

    Returns:
        (B, size, source) of the dtype of `start`.
    """
    steps = torch.arange(size, dtype=start.dtype, device=start.device)
    steps = torch.where(flip[:, None], size - 1 - steps, steps)  # (B, size)
    zoom = (length / size)[:, None]  # pixels of the crop per pixel of the view
    centre = start[:, None] + (steps + 0.5) * zoom - 0.5
    pixel = torch.arange(source, dtype=start.dtype, device=start.device)
    weight = 1 - (pixel - centre[..., None]).abs() / zoom.clamp(min=1)[..., None]
    inside = (pixel >= start[:, None]) & (pixel < (start + length)[:, None])  # (B, source)
    weight = weight.clamp(min=0) * inside[:, None]
    return weight / weight.sum(dim=-1, keepdim=True)


def blur_matrix(sigma: Tensor, size: int) -> Tensor:
    """The linear map of a Gaussian blur of a line; the kernel is cut off at the ends, each row summing to 1.

    Args:
        sigma: Standard deviations, (B,), in pixels; 0 leaves the line as it is.
        size: Pixels of the line.

    Returns:
        (B, size, size) of the dtype of `sigma`.
    """
    pixel = torch.arange(size, dtype=sigma.dtype, device=sigma.device)
    distance = pixel[:, None] - pixel
    weight = torch.exp(-0.5 * (distance / sigma.clamp(min=1e-2)[:, None, None]) ** 2)
    return weight / weight.sum(dim=-1, keepdim=True)


def apply_separable(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """`rows @ x @ columns.T` for every sample and band.

    Args:
        x: (B, C, H, W).
        rows: (B, S, H), no weight below 0.
        columns: (B, S, W), likewise.

    Returns:
        (B, C, S, S), in channels-last memory, which the second product writes as it comes.
    """
    large = rows.shape[1] >= 3 * BLOCK  # below, two dense products are as fast
    return _banded(x, rows, columns) if large and x.device.type == "cpu" else _dense(x, rows, columns)


def _dense(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    batch, bands, height, width = x.shape
    size = rows.shape[1]
    lines = torch.bmm(x.reshape(batch, bands * height, width), columns.transpose(1, 2))
    lines = lines.view(batch, bands, height, size).permute(0, 2, 3, 1).reshape(batch, height, size * bands)
    return torch.bmm(rows, lines).view(batch, size, size, bands).permute(0, 3, 1, 2)


def _banded(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The same products without most of the zeros: a block of the view's lines sees few of the image's."""
    size = rows.shape[1]
    views = x.new_empty(len(x), size, size, x.shape[1])
    samples = zip(x, rows, columns, _seen(rows), _seen(columns), views, strict=True)
    for image, over_rows, over_columns, seen_rows, seen_columns, view in samples:
        top, bottom = min(first for first, _ in seen_rows), max(last for _, last in seen_rows)
        kept = image[:, top:bottom]
        lines = kept.new_empty(*kept.shape[:2], size)  # (C, h, S)
        for start, (first, last) in zip(range(0, size, BLOCK), seen_columns, strict=True):
            block = slice(start, start + BLOCK)
            lines[..., block] = kept[..., first:last] @ over_columns[block, first:last].T
        lines = lines.permute(1, 2, 0).flatten(1)  # (h, S*C)
        for start, (first, last) in zip(range(0, size, BLOCK), seen_rows, strict=True):
            block = slice(start, start + BLOCK)
            torch.mm(over_rows[block, first:last], lines[first - top : last - top], out=view[block].flatten(1))
    return views.permute(0, 3, 1, 2)


def _seen(matrix: Tensor) -> list[list[tuple[int, int]]]:
    """For each sample and block of output lines the first and one past the last line that has any weight in them."""
    weighs = matrix > torch.finfo(matrix.dtype).eps  # less than that would be lost in rounding
    blocks = torch.stack([block.any(1) for block in torch.split(weighs, BLOCK, dim=1)], dim=1).int()
    last = matrix.shape[2] - blocks.flip(2).argmax(2)
    return torch.stack([blocks.argmax(2), last], dim=2).tolist()


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Square images (B, C, S, S) turned counterclockwise by degrees (B,), nearest pixel; the rest becomes 0."""
    turn = torch.deg2rad(angle.to(x))
    cos, sin, zero = torch.cos(turn), torch.sin(turn), torch.zeros_like(turn)
    matrix = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="nearest", align_corners=False)
