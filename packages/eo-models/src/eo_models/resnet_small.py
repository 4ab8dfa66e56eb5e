"""ResNet-18 behind a small stem, for images of some 72 pixels (bakiuzun/SupCon_SSL's WrappedResnet)."""

from collections.abc import Sequence
from typing import ClassVar

import timm
from torch import nn

from eo_models.layouts import OWN, Layout
from eo_models.resnet import ResNet
from eo_models.small_alexnet import stem
from eo_models.two_sensor_layouts import SHARED_RESNET

FEATURES = 128


class ResNetSmall(ResNet):
    """ResNet-18 whose 7x7 convolution is a 3x3 one with batch norm, ReLU and pooling, and whose classifier is kept.

    Input: (B, C, H, W) normalized floats, 72 pixels as published.
    Output: (B, 128): what the last linear layer gives, not normalized.
    Maps: strides 4, 8, 16, 32; the ResNet's own first batch norm and pooling still run after the stem.
    """

    layouts: ClassVar[tuple[Layout, ...]] = (*SHARED_RESNET, OWN)

    def __init__(self, name: str, bands: Sequence[str], sensor: str) -> None:
        super().__init__(name, bands, sensor)
        self.num_features = FEATURES

    @property
    def first_layer(self) -> nn.Conv2d:
        """The 3x3 convolution of the stem."""
        layer: nn.Conv2d = self.body.conv1[0]
        return layer

    def build(self, channels: int) -> nn.Module:
        """timm's ResNet-18 with the stem where its first convolution was."""
        body: nn.Module = timm.create_model("resnet18", num_classes=FEATURES)
        body.conv1 = stem(channels, 64)
        return body
