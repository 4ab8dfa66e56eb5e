"""Several images of one place through one backbone: Satlas' multi-image models (arXiv 2211.15660)."""

import warnings
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.layouts import OWN
from eo_models.resnet import ResNet
from eo_models.satlas_files import MULTI_IMAGE
from eo_models.swin_v2 import SwinV2

MOST = 8  # images that the authors' code looks at


class MultiImage(Backbone):
    """A backbone run on each image; every map is the greatest value over the images, pixel by pixel.

    Input: (B, T, C, H, W), or (B, T*C, H, W) with the images one after another, for any T from 1 to 8.
        The authors' code ignores images past the eighth; so does this, with a warning.
    Output: (B, D): the last map, after the maximum, averaged over its pixels.

    Attributes:
        single: The backbone of one image.
    """

    layouts = (MULTI_IMAGE, OWN)

    def __init__(self, name: str, bands: Sequence[str], sensor: str) -> None:
        super().__init__(name, bands, sensor)
        self.single = single = _single(name.removeprefix("multi_"), bands, sensor)
        self.num_features = single.num_features
        self.map_channels = single.map_channels
        self.map_strides = single.map_strides

    @property
    def body(self) -> Any:
        """The network that each image runs through."""
        return self.single.body

    @property
    def first_layer(self) -> nn.Conv2d:
        """The convolution that reads the bands of one image."""
        return self.single.first_layer

    def check(self, x: Tensor) -> Tensor:
        """The images as (B, T, C, H, W), at most eight."""
        channels = len(self.bands)
        if x.ndim == 4 and x.shape[1] and x.shape[1] % channels == 0:
            x = x.reshape(len(x), -1, channels, *x.shape[-2:])
        if x.ndim != 5 or x.shape[2] != channels or not x.shape[1]:
            wanted = f"(B, T, {channels}, H, W) or (B, T*{channels}, H, W) with the bands {' '.join(self.bands)}"
            raise ValueError(f"{self.name} takes {wanted}, got {tuple(x.shape)}")
        if x.shape[1] > MOST:
            text = f"{self.name} looks at {MOST} images, as its authors' code does: images {MOST + 1} to {x.shape[1]}"
            warnings.warn(f"{text} are ignored; choose the {MOST} yourself", stacklevel=2)
        return x[:, :MOST]

    def features(self, x: Tensor) -> Tensor:
        """Global average pool of the last map, (B, D)."""
        return self.forward_maps(x)[-1].mean(dim=(-2, -1))

    def forward_maps(self, x: Tensor) -> list[Tensor]:
        """The backbone's maps, each the maximum over the images."""
        x = self.check(x)
        maps = self.single.forward_maps(x.flatten(0, 1))
        return [each.view(*x.shape[:2], *each.shape[1:]).amax(dim=1) for each in maps]


def _single(name: str, bands: Sequence[str], sensor: str) -> Backbone:
    return (SwinV2 if name.startswith("swin_v2") else ResNet)(name, bands, sensor)
