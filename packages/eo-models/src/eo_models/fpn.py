"""Satlas' neck (arXiv 2211.15660): a feature pyramid of 128 channels, and one map as fine as the image."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork

from eo_models.backbone import Backbone
from eo_models.heads import ClassifyMaps, MultilabelMaps
from eo_models.model import HeadBuilder, Neck

WIDTH = 128
FINEST = 4


class FPN(Neck):
    """Feature pyramid network (arXiv 1612.03144): every map 128 channels wide and told of the coarser ones.

    1x1 convolutions, the sum with the coarser map enlarged by pixel repetition, 3x3 convolutions; no norm, no
    activation. Maps that are no pyramid (a ViT's all have stride 14) are first resized to strides 4, 8, 16, 32.

    Attributes:
        keep: Whether the backbone's own maps follow the neck's; one of Satlas' published heads reads them.
    """

    heads: ClassVar[Mapping[str, HeadBuilder]] = {"classify": ClassifyMaps, "multilabel": MultilabelMaps}

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.resize = Pyramid(backbone.map_strides)
        self.fpn = Lateral(backbone.map_channels)
        self.map_channels = (WIDTH,) * len(backbone.map_channels)
        self.map_strides = self.resize.map_strides
        self.keep = False

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """The pyramid, as Satlas' files hold it."""
        return {"fpn": self.fpn}

    def forward(self, backbone: Backbone, x: Any) -> list[Tensor]:
        """Maps (B, 128, H_i, W_i), as many as the backbone has."""
        maps = self.resize(backbone.forward_maps(x))
        return [*self.fpn(maps), *(maps if self.keep else ())]


class FPNUpsample(FPN):
    """The pyramid, and in front of its maps one of stride 1: five maps of 128 channels, strides 1, 4, 8, 16, 32."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self.upsample = Upsample(WIDTH, self.map_strides[0])
        self.map_channels = (WIDTH, *self.map_channels)
        self.map_strides = (1, *self.map_strides)

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """The pyramid and what enlarges its finest map."""
        return {"fpn": self.fpn, "upsample": self.upsample}

    def forward(self, backbone: Backbone, x: Any) -> list[Tensor]:
        """Maps (B, 128, H_i, W_i), one more than the backbone has."""
        maps = super().forward(backbone, x)
        return [self.upsample(maps[0]), *maps]


class Lateral(nn.Module):
    """torchvision's pyramid on a list of maps."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.fpn = FeaturePyramidNetwork(list(channels), WIDTH)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps (B, C_i, H_i, W_i), fine to coarse, to (B, 128, H_i, W_i)."""
        return list(self.fpn(OrderedDict((str(level), each) for level, each in enumerate(maps))).values())


class Upsample(nn.Module):
    """Doubles a map until its stride is 1: each time a 3x3 convolution and a transposed one of 4x4, each with a ReLU.

    An image whose sides the stride divides gets a map of its own size.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_doubling(channels) for _ in range(stride.bit_length() - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, stride * H, stride * W)."""
        finer: Tensor = self.layers(x)
        return finer


class Pyramid(nn.Module):
    """Maps as they are if each is half as fine as the one before; else resized bilinearly to strides 4, 8, 16, ..."""

    def __init__(self, strides: Sequence[int]) -> None:
        super().__init__()
        halving = tuple(strides[0] * 2**level for level in range(len(strides)))
        self.given = tuple(strides)
        self.is_pyramid = self.given == halving and strides[0].bit_count() == 1
        self.map_strides = self.given if self.is_pyramid else tuple(FINEST * 2**level for level in range(len(strides)))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """(B, C_i, H_i, W_i) to (B, C_i, H_i * given / wanted, ...), rounded up."""
        if self.is_pyramid:
            return list(maps)
        return [_resize(*each) for each in zip(maps, self.given, self.map_strides, strict=True)]


def _doubling(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1),
        nn.ReLU(),
    )


def _resize(x: Tensor, given: int, wanted: int) -> Tensor:
    size = [-(-pixels * given // wanted) for pixels in x.shape[-2:]]
    return F.interpolate(x, size=size, mode="bilinear")
