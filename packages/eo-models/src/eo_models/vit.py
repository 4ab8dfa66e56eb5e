"""Vision transformers with 14-pixel patches, as DINOv2 has them (arXiv 2304.07193), for any bands."""

from collections.abc import Sequence

import timm
from torch import Tensor, nn

from eo_models.backbone import Backbone

PATCH = 14


class ViT(Backbone):
    """ViT-S/14 or ViT-B/14: depth 12, LayerScale, learned positions, no registers.

    Input: (B, C, H, W) normalized floats, H and W multiples of 14.
    Output: (B, 384) or (B, 768): the class token after the final norm.
    Maps: the patch tokens of chosen blocks, each after the final norm, all of stride 14.
    """

    def __init__(self, name: str, bands: Sequence[str], sensor: str, img_size: int = 224) -> None:
        super().__init__(name, bands, sensor)
        if img_size % PATCH:
            raise ValueError(f"img_size must be a multiple of {PATCH}, got {img_size}")
        self.img_size = img_size
        self.body = timm.create_model(
            f"{name}_dinov2", in_chans=len(bands), num_classes=0, img_size=img_size, dynamic_img_size=True
        )
        self.num_features = self.body.num_features
        self.map_channels = (self.num_features,) * 4
        self.map_strides = (PATCH,) * 4

    @property
    def first_layer(self) -> nn.Conv2d:
        """The patch embedding."""
        layer: nn.Conv2d = self.body.patch_embed.proj
        return layer

    def check(self, x: Tensor) -> Tensor:
        """The input itself, if the patches tile it."""
        height, width = super().check(x).shape[-2:]
        if height % PATCH or width % PATCH:
            raise ValueError(f"{self.name} takes heights and widths that {PATCH} divides, got {height}x{width}")
        return x

    def features(self, x: Tensor) -> Tensor:
        """The class token, (B, D)."""
        pooled: Tensor = self.body(x)
        return pooled

    def forward_maps(self, x: Tensor, *, layers: Sequence[int] = (2, 5, 8, 11)) -> list[Tensor]:
        """Patch tokens of the chosen blocks (counted from 0) as (B, D, H/14, W/14) maps."""
        maps: list[Tensor] = self.body.forward_intermediates(
            self.check(x), indices=list(layers), norm=True, intermediates_only=True
        )
        return maps

    def forward_tokens(self, x: Tensor) -> dict[str, Tensor | None]:
        """`cls` (B, D) and `patches` (B, N, D), row-major, after the final norm."""
        tokens: Tensor = self.body.forward_features(self.check(x))
        return {"cls": tokens[:, 0], "patches": tokens[:, 1:]}

    def facts(self) -> dict[str, object]:
        """The backbone's facts and the image size that the positions were learned at."""
        return super().facts() | {"img_size": self.img_size}
