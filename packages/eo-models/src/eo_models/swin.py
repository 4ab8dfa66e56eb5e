"""Swin-T (arXiv 2103.14030) for any bands, with the parameter names of timm."""

from collections.abc import Sequence
from typing import ClassVar

import timm
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.layouts import OWN, Layout
from eo_models.two_sensor_layouts import DUAL_SWIN, SWIN

PATCH = 4
STRIDE = 32  # patches, merged three times


class SwinTiny(Backbone):
    """Swin-T: 4-pixel patches, 7-patch windows, depths 2-2-6-2, drop path 0.1, no absolute positions.

    Input: (B, C, img_size, img_size) normalized floats; the windows and their masks are made for one size. Windows tile
        multiples of 224; other multiples of 32 get windows padded with zeros, or smaller ones, as timm does.
    Output: (B, 768): the mean token after the final norm, which SSLTransformerRS contrasts as it is.
    Maps: the four stages' outputs before they are merged, strides 4, 8, 16, 32.
    """

    layouts: ClassVar[tuple[Layout, ...]] = (*SWIN, *DUAL_SWIN, OWN)
    takes_img_size: ClassVar[bool] = True

    def __init__(self, name: str, bands: Sequence[str], sensor: str, img_size: int = 224) -> None:
        super().__init__(name, bands, sensor)
        if img_size % STRIDE:
            raise ValueError(f"img_size must be a multiple of {STRIDE}, got {img_size}")
        self.img_size = img_size
        self.body = timm.create_model(
            "swin_tiny_patch4_window7_224", in_chans=len(bands), num_classes=0, img_size=img_size, drop_path_rate=0.1
        )
        self.num_features = self.body.num_features
        self.map_channels = tuple(stage["num_chs"] for stage in self.body.feature_info)
        self.map_strides = tuple(stage["reduction"] for stage in self.body.feature_info)

    @property
    def first_layer(self) -> nn.Conv2d:
        """The patch embedding."""
        layer: nn.Conv2d = self.body.patch_embed.proj
        return layer

    def check(self, x: Tensor) -> Tensor:
        """The input itself, if it has the size that the windows are made for."""
        return self.check_size(super().check(x), self.img_size)

    def features(self, x: Tensor) -> Tensor:
        """Mean token, (B, 768)."""
        tokens, _ = self.pyramid(x)
        return tokens.mean(dim=(1, 2))

    def forward_maps(self, x: Tensor) -> list[Tensor]:
        """The four stages' maps, strides 4 to 32."""
        maps: list[Tensor] = self.body.forward_intermediates(
            self.check(x), indices=[0, 1, 2, 3], intermediates_only=True
        )
        return maps

    def forward_tokens(self, x: Tensor) -> dict[str, Tensor | None]:
        """`patches` (B, N, 768), row-major, after the final norm; there is no class token."""
        tokens, _ = self.pyramid(self.check(x))
        return {"cls": None, "patches": tokens.flatten(1, 2)}

    def pyramid(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Tokens after the final norm, (B, H/32, W/32, 768), and the input of every stage, (B, H_i, W_i, C_i).

        A stage's input is taken after the merging that leads to it: the skip connections of a Swin-UNet.
        """
        x = self.body.patch_embed(x)
        inputs = []
        for stage in self.body.layers:
            x = stage.downsample(x)
            inputs.append(x)
            x = stage.blocks(x)
        return self.body.norm(x), inputs

    def fit(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors as they are, if their windows are of this size's."""
        for key, wanted in self.body.state_dict().items():
            if key.endswith("relative_position_bias_table") and key in tensors and len(tensors[key]) != len(wanted):
                raise ValueError(
                    f"{self.name} at img_size={self.img_size} has smaller windows than the file in {key}; pass a "
                    "larger img_size (from 224 on all windows have 7x7 patches)"
                )
        return tensors

    def facts(self) -> dict[str, object]:
        """The backbone's facts and the image size that the windows were made for."""
        return super().facts() | {"img_size": self.img_size}
