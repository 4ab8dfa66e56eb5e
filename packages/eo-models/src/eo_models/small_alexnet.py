"""The small AlexNet of contrastive coding (SsnL/align_uniform's, for 72 pixels) for any bands."""

from collections.abc import Sequence
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.layouts import OWN, Layout
from eo_models.two_sensor_layouts import DUAL_ALEXNET, SHARED_ALEXNET

CONVOLUTIONS = ((96, True), (192, True), (384, False), (384, False), (192, True))  # outputs, then whether it is pooled
HIDDEN, FEATURES = 4096, 128
MAPS = (0, 3, 4)  # the last block of each resolution


class SmallAlexNet(Backbone):
    """Five 3x3 convolutions and three linear layers, each with batch norm, ending on the unit sphere.

    Input: (B, C, img_size, img_size) normalized floats; the first linear layer fixes the size (72 as published).
    Output: (B, 128) of length 1: both what the loss takes and the feature, there is no projector.
    Maps: strides 2, 4, 8 (72 pixels give 35, 17 and 8, as the pooling does not pad).
    """

    layouts: ClassVar[tuple[Layout, ...]] = (*SHARED_ALEXNET, *DUAL_ALEXNET, OWN)
    takes_img_size: ClassVar[bool] = True

    def __init__(self, name: str, bands: Sequence[str], sensor: str, img_size: int = 72) -> None:
        super().__init__(name, bands, sensor)
        self.img_size = img_size
        self.body = nn.Module()
        self.body.blocks = _blocks(len(bands), img_size)
        self.body.apply(_initialize)
        self.num_features = FEATURES
        self.map_channels = tuple(CONVOLUTIONS[index][0] for index in MAPS)
        self.map_strides = (2, 4, 8)

    @property
    def first_layer(self) -> nn.Conv2d:
        """The first of the 3x3 convolutions."""
        layer: nn.Conv2d = self.body.blocks[0][0]
        return layer

    def check(self, x: Tensor) -> Tensor:
        """The input itself, if it has the size that the linear layers are made for."""
        return self.check_size(super().check(x), self.img_size)

    def features(self, x: Tensor) -> Tensor:
        """Unit vectors, (B, 128)."""
        for block in self.body.blocks:
            x = block(x)
        return F.normalize(x, dim=1)

    def forward_maps(self, x: Tensor) -> list[Tensor]:
        """Outputs of convolutions 1, 4 and 5, strides 2, 4, 8."""
        x, outputs = self.check(x), []
        for block in self.body.blocks[: len(CONVOLUTIONS)]:
            x = block(x)
            outputs.append(x)
        return [outputs[index] for index in MAPS]

    def facts(self) -> dict[str, object]:
        """The backbone's facts and the image size that the linear layers were made for."""
        return super().facts() | {"img_size": self.img_size}


def _blocks(channels: int, img_size: int) -> nn.ModuleList:
    blocks: list[nn.Module] = []
    side = img_size
    for outputs, pooled in CONVOLUTIONS:
        blocks.append(stem(channels, outputs, pooled=pooled))
        channels, side = outputs, (side - 1) // 2 if pooled else side
    if side < 1:
        raise ValueError(f"img_size must leave a pixel after three poolings, so be at least 15, got {img_size}")
    return nn.ModuleList(
        [
            *blocks,
            nn.Sequential(nn.Flatten(), *_linear(channels * side * side, HIDDEN)),
            nn.Sequential(*_linear(HIDDEN, HIDDEN)),
            nn.Sequential(nn.Linear(HIDDEN, FEATURES)),
        ]
    )


def stem(channels: int, outputs: int, *, pooled: bool = True) -> nn.Sequential:
    """3x3 convolution, batch norm and ReLU; pooled, half as many pixels a side."""
    layers = [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, *([nn.MaxPool2d(3, stride=2)] if pooled else []))


def _linear(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()


def _initialize(layer: nn.Module) -> None:
    """N(0, 0.02) for every weight but batch norm's, as SsnL/align_uniform does."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
