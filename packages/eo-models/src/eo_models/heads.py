"""Heads on maps: what each pixel, or the whole image, is."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.meanings import ANY_OF, ONE_OF, QUANTITIES, Meaning
from eo_models.model import Head, Neck


class MapHead(Head):
    """Reads the maps of a neck, or without one the backbone's; its outputs have a meaning."""

    meaning: ClassVar[Meaning]

    def activate(self, logits: Tensor) -> Tensor:
        """What the raw outputs say: probabilities, or quantities."""
        return self.meaning.activate(logits)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Scalar, a mean over what the target knows."""
        return self.meaning.loss(logits, target)


class PerPixel(MapHead):
    """3x3 convolution, ReLU and 3x3 convolution on the finest map, resized bilinearly to the image: (B, K, H, W)."""

    to_image: ClassVar[bool] = True
    """Whether to resize; else the outputs are as fine as the map."""

    def __init__(self, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> None:
        super().__init__()
        width = (neck or backbone).map_channels[0]
        self.layers = nn.Sequential(_block(width), nn.Conv2d(width, counted(num_outputs, self.meaning), 3, padding=1))

    def forward(self, given: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Raw outputs (B, K, H, W)."""
        raw: Tensor = self.layers(given[0])
        if not self.to_image or raw.shape[-2:] == size:
            return raw
        return F.interpolate(raw, size=size, mode="bilinear")


class Segment(PerPixel):
    """One class a pixel: softmax, cross entropy. Targets: int64 (B, H, W), 255 = ignored."""

    meaning = ONE_OF


class BinarySegment(PerPixel):
    """Any of K classes a pixel: sigmoid, binary cross entropy. Targets: 0 and 1 (B, K, H, W), 255 = ignored."""

    meaning = ANY_OF


class Regress(PerPixel):
    """K quantities a pixel, as they are; mean absolute error. Targets: (B, K, H, W)."""

    meaning = QUANTITIES


class MaxPooled(MapHead):
    """3x3 convolution and ReLU on the finest map, its greatest values, a linear layer: (B, K)."""

    def __init__(self, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> None:
        super().__init__()
        width = (neck or backbone).map_channels[0]
        self.layers = nn.Sequential(_block(width))
        self.extra = nn.Linear(width, counted(num_outputs, self.meaning))

    def forward(self, given: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Raw outputs (B, K), whatever the size."""
        raw: Tensor = self.extra(self.layers(given[0]).amax(dim=(-2, -1)))
        return raw


class ClassifyMaps(MaxPooled):
    """One class an image: softmax, cross entropy. Targets: int64 (B,)."""

    meaning = ONE_OF


class MultilabelMaps(MaxPooled):
    """Any of K labels an image: sigmoid, binary cross entropy. Targets: 0 and 1 (B, K)."""

    meaning = ANY_OF


def counted(num_outputs: int | None, meaning: Meaning | None = None) -> int:
    """The number of outputs, which must have been said, and must leave something to tell apart."""
    if num_outputs is None or num_outputs < 1:
        raise ValueError(f"this head needs num_outputs=..., how many classes or values it tells, got {num_outputs}")
    if num_outputs == 1 and meaning is not None and meaning.activate is ONE_OF.activate:
        raise ValueError(
            "one class under a softmax is always certain, whatever the image: take 2 (background and class), "
            "or a head whose outputs are independent (binary_segment, multilabel)"
        )
    return num_outputs


def _block(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())
