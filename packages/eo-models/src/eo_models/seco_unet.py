"""SeCo's change detector: two dates through one ResNet, the differences of their maps up a U-Net (arXiv 2103.16607)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.model import Head, HeadBuilder, Neck
from eo_models.resnet import ResNet


class Change(Head):
    """A 1x1 convolution to the logit of change, (B, 1, H, W); targets are 0 or 1 of that shape, or (B, H, W)."""

    def __init__(self, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> None:
        super().__init__()
        if neck is None:
            raise ValueError("the change head reads the differences of two dates: pass neck='seco_unet'")
        self.conv = nn.Conv2d(neck.map_channels[0], num_outputs or 1, 1)

    def forward(self, given: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (B, 1, H, W)."""
        logits: Tensor = self.conv(given[0])
        return logits

    def activate(self, logits: Tensor) -> Tensor:
        """Probability of change."""
        return logits.sigmoid()

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy, mean over pixels, without a weight for the rare class, as the authors' code has it."""
        return F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype).view_as(logits))


class SeCoUNet(Neck):
    """The decoder of SeCo's OSCD model (ServiceNow/seasonal-contrast:models/segmentation.py).

    Takes (B, 2, C, H, W), two dates, H and W multiples of 32; a ResNet's maps of stride 2 (the stem's convolution,
    before its norm) to 32 are compared date against date, in absolute value. Gives one map of stride 1.
    """

    map_strides = (1,)
    heads: ClassVar[Mapping[str, HeadBuilder]] = {"change": Change}

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        if not isinstance(backbone, ResNet):
            raise ValueError(f"the seco_unet neck taps the stem of a ResNet; {backbone.name} has none")
        widths = (backbone.first_layer.out_channels, *backbone.map_channels)
        levels = list(pairwise(widths))  # (skip, from below), fine to coarse
        self.up = nn.ModuleList(nn.Conv2d(below, skip, 3, padding=1) for skip, below in levels)
        self.fuse = nn.ModuleList(nn.Conv2d(2 * skip, skip, 3, padding=1, bias=False) for skip, _ in levels)
        self.norm = nn.ModuleList(nn.BatchNorm2d(skip) for skip, _ in levels)
        self.dropout = nn.Dropout2d(0.3)
        self.map_channels = (widths[0],)

    def forward(self, backbone: Backbone, x: Tensor) -> list[Tensor]:
        """The decoded map (B, 64, H, W)."""
        *skips, out = self.differences(backbone, x)
        for skip, up, fuse, norm in reversed(list(zip(skips, self.up, self.fuse, self.norm, strict=True))):
            out = torch.cat([up(_double(out)), skip], dim=1)
            out = self.dropout(norm(fuse(out)).relu())
        return [_double(out)]

    def differences(self, backbone: Backbone, x: Tensor) -> list[Tensor]:
        """How far the two dates' maps lie apart: strides 2 (the raw convolution), 4, 8, 16, 32."""
        if x.ndim != 5 or x.shape[1] != 2 or x.shape[-1] % 32 or x.shape[-2] % 32:
            raise ValueError(f"two dates are (B, 2, C, H, W) with H and W multiples of 32, got {tuple(x.shape)}")
        both = x.transpose(0, 1).flatten(0, 1)  # one pass: all first dates, then all second ones
        maps = [backbone.first_layer(backbone.check(both)), *backbone.forward_maps(both)]
        return [(first - second).abs() for first, second in (each.chunk(2) for each in maps)]


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
