"""ResNets (arXiv 1512.03385) for any bands, with the parameter names of timm and torchvision."""

from collections.abc import Sequence

import timm
from torch import Tensor, nn

from eo_models.backbone import Backbone


class ResNet(Backbone):
    """ResNet without its classifier.

    Input: (B, C, H, W) normalized floats, H and W at least 32.
    Output: (B, 512) for resnet18, (B, 2048) for resnet50: the last map, averaged over its pixels.
    Maps: strides 4, 8, 16, 32.
    """

    def __init__(self, name: str, bands: Sequence[str], sensor: str) -> None:
        super().__init__(name, bands, sensor)
        self.body = timm.create_model(name, in_chans=len(bands), num_classes=0)
        self.num_features = self.body.num_features
        stages = self.body.feature_info[1:]  # the first entry is the stem
        self.map_channels = tuple(stage["num_chs"] for stage in stages)
        self.map_strides = tuple(stage["reduction"] for stage in stages)

    @property
    def first_layer(self) -> nn.Conv2d:
        """The 7x7 convolution of the stem."""
        layer: nn.Conv2d = self.body.conv1
        return layer

    def features(self, x: Tensor) -> Tensor:
        """Global average pool of the last map, (B, D)."""
        pooled: Tensor = self.body(x)
        return pooled

    def forward_maps(self, x: Tensor) -> list[Tensor]:
        """The four stages' maps, strides 4 to 32."""
        maps: list[Tensor] = self.body.forward_intermediates(
            self.check(x), indices=[1, 2, 3, 4], intermediates_only=True
        )
        return maps
