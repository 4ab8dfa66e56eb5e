"""Which part of a sample is read: some of its seasons, a square of its ground. Tensors in, views of them out."""

import math
from collections.abc import Collection, Mapping
from random import Random

import torch
from torch import Tensor


def choose_seasons(
    tensors: Mapping[str, Tensor], images: Collection[str], seasons: int, draw: Random | None
) -> dict[str, Tensor]:
    """Some of the seasons of a sample, in order of time.

    Args:
        tensors: Of a sample: images (T, C, H, W), and what belongs to each season of `label`, `labelled`, `t`.
        images: Which keys hold pixels.
        seasons: How many.
        draw: Source of randomness; None takes the earliest.
    """
    by_season = {key for key in images if tensors[key].ndim == 4}
    available = {len(tensors[key]) for key in by_season}
    if len(available) != 1 or seasons > min(available):
        found = " or ".join(map(str, sorted(available))) or "no image (T, C, H, W)"
        raise ValueError(f"seasons={seasons} wants at least as many in every image, found {found}")
    count = available.pop()
    chosen = sorted(draw.sample(range(count), seasons)) if draw else list(range(seasons))
    by_season |= {"labelled", "t"} | ({"label"} if "labelled" in tensors else set())
    return {key: tensor[chosen] if key in by_season else tensor for key, tensor in tensors.items()}


def cut_window(
    tensors: Mapping[str, Tensor], images: Collection[str], crop: int, draw: Random | None
) -> dict[str, Tensor]:
    """A square window, the same ground in grids of every resolution, and in `bounds`.

    Args:
        tensors: Of a sample.
        images: Which keys hold pixels, (..., H, W).
        crop: Side of the window in pixels of the finest grid.
        draw: Source of randomness; None takes the central window.
    """
    height, width = max((tensors[key].shape[-2:] for key in images), default=(0, 0))
    spans = {key: _span(key, tensors[key], height, width) for key in images}  # finest pixels in a pixel of each grid
    step = math.lcm(*spans.values())
    if crop % step or crop > min(height, width):
        fitting = [size for size in (crop // step * step, (crop // step + 1) * step) if 0 < size <= min(height, width)]
        raise ValueError(
            f"crop={crop} does not fit: the image has {height} x {width} pixels"
            + (f", and a pixel of its coarsest grid spans {step}" if step > 1 else "")
            + (f"; take {' or '.join(map(str, fitting))}" if fitting else "; leave crop out")
        )
    top, left = (_start(side - crop, step, draw) for side in (height, width))
    cut = dict(tensors)
    for key, span in spans.items():
        y, x, side = top // span, left // span, crop // span
        cut[key] = tensors[key][..., y : y + side, x : x + side]
    if "bounds" in tensors:
        cut["bounds"] = _bounds(tensors["bounds"], left / width, top / height, crop / width, crop / height)
    return cut


def _span(key: str, image: Tensor, height: int, width: int) -> int:
    span = height // image.shape[-2]
    if (image.shape[-2] * span, image.shape[-1] * span) != (height, width):
        raise ValueError(
            f"{key} has {image.shape[-2]} x {image.shape[-1]} pixels, which do not divide the finest grid's "
            f"{height} x {width}, so no window is the same ground in both; pack on one grid (resolution=10)"
        )
    return span


def _start(room: int, step: int, draw: Random | None) -> int:
    places = room // step + 1
    return step * (draw.randrange(places) if draw else (places - 1) // 2)


def _bounds(whole: Tensor, left: float, top: float, width: float, height: float) -> Tensor:
    west, south, east, north = whole.unbind()
    x, y = west + left * (east - west), north - top * (north - south)
    return torch.stack([x, y - height * (north - south), x + width * (east - west), y])
