"""From a batch as stored to what a network for a task takes: normalized once, on the device, then resized."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from eo_data import Normalize
from eo_models import Backbone
from eo_train.methods.sides import sides
from eo_train.orientation import Image


@dataclass(frozen=True, kw_only=True)
class InputConfig:
    """How images are brought to a network."""

    size: int | None = None
    """Pixels a side after resizing; None leaves images as they are stored."""
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    """Antialiased, as Pillow does it."""
    eight_bit: bool = False
    """Rounds resized pixels, which are then 0 to 1, to the 256 steps that a picture library works in."""


class Inputs(nn.Module):
    """Normalizes and resizes the images of a batch.

    Args:
        backbone: Says its bands and its normalization; of two sensors each of its members does.
        config: How they are resized.

    Raises:
        ValueError: A backbone that does not say how its pixels are normalized.
    """

    def __init__(self, backbone: Backbone, config: InputConfig) -> None:
        super().__init__()
        self.config = config
        self.normalize = nn.ModuleDict({key: _normalize(side) for key, side in sides(backbone).items()})

    def forward(self, batch: Mapping[str, Any]) -> Image:
        """Normalized floats (B, C, H, W), two dates (B, 2, C, H, W), or for two sensors one by `s1` and one by `s2`."""
        images = {key: self._resized(normalize(batch[key])) for key, normalize in self.normalize.items()}
        return images.get("image", images)

    def _resized(self, x: Tensor) -> Tensor:
        size = self.config.size
        if size is None or x.shape[-2:] == (size, size):
            return x
        out = x.flatten(0, -4)
        if self.config.eight_bit:  # as Pillow does it: rows first, rounded after each of the two axes
            for shape in ((out.shape[2], size), (size, size)):
                out = (self._interpolated(out, shape).clamp(0, 1) * 255).round() / 255
        else:
            out = self._interpolated(out, (size, size))
        return out.view(*x.shape[:-2], size, size)

    def _interpolated(self, x: Tensor, shape: tuple[int, int]) -> Tensor:
        return F.interpolate(x, size=shape, mode=self.config.interpolation, antialias=True)


def _normalize(backbone: Backbone) -> Normalize:
    if backbone.normalization is None:
        raise ValueError(
            f"{backbone.name} does not say how its pixels are normalized: set model.backbone.normalization, such as to "
            "the data set's own"
        )
    return Normalize(backbone.normalization, backbone.bands)
