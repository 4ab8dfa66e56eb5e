"""Vision transformers with 14-pixel patches, as DINOv2 has them (arXiv 2304.07193), for any bands."""

from collections.abc import Sequence

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.layouts import OWN, Layout, Rule

PATCH = 14

PLAIN = Layout(
    name="DINOv2's and timm's files",
    rules=(
        Rule(r"(?:cls_token|pos_embed|mask_token)|(?:patch_embed|blocks|norm)\..+", "backbone"),
        Rule(r"head\.(weight|bias)", "head", r"linear.\1"),
    ),
)


class ViT(Backbone):
    """ViT-S/14 or ViT-B/14: depth 12, LayerScale, learned positions, no registers.

    Input: (B, C, H, W) normalized floats, H and W multiples of 14.
    Output: (B, 384) or (B, 768): the class token after the final norm.
    Maps: the patch tokens of chosen blocks, each after the final norm, all of stride 14.

    `mask_token` is what DINOv2 and SoftCon put in the place of hidden patches. It takes no gradient until asked to
    (`model.mask_token.requires_grad_()`), for a plain forward pass never uses it.
    """

    layouts = (PLAIN, OWN)
    optional = frozenset({"mask_token"})  # timm's files and SoftCon's `_enc` files have none
    takes_img_size = True

    def __init__(self, name: str, bands: Sequence[str], sensor: str, img_size: int = 224) -> None:
        super().__init__(name, bands, sensor)
        if img_size % PATCH:
            raise ValueError(f"img_size must be a multiple of {PATCH}, got {img_size}")
        self.img_size = img_size
        self.timm_name = f"{name}_dinov2"
        self.body = timm.create_model(
            self.timm_name, in_chans=len(bands), num_classes=0, img_size=img_size, dynamic_img_size=True
        )
        self.num_features = self.body.num_features
        self.body.mask_token = nn.Parameter(torch.zeros(1, self.num_features), requires_grad=False)
        self.map_channels = (self.num_features,) * 4
        self.map_strides = (PATCH,) * 4

    @property
    def first_layer(self) -> nn.Conv2d:
        """The patch embedding."""
        layer: nn.Conv2d = self.body.patch_embed.proj
        return layer

    @property
    def mask_token(self) -> nn.Parameter:
        """(1, D), in the place of hidden patches."""
        token: nn.Parameter = self.body.mask_token
        return token

    def check(self, x: Tensor) -> Tensor:
        """The input itself, if the patches tile it."""
        height, width = super().check(x).shape[-2:]
        if height % PATCH or width % PATCH:
            raise ValueError(f"{self.name} takes heights and widths that {PATCH} divides, got {height}x{width}")
        return x

    def features(self, x: Tensor) -> Tensor:
        """The class token, (B, D)."""
        return self._last(x)[:, 0]

    def forward_maps(self, x: Tensor, *, layers: Sequence[int] = (2, 5, 8, 11)) -> list[Tensor]:
        """Patch tokens of the chosen blocks (counted from 0) as (B, D, H/14, W/14) maps."""
        height, width = (side // PATCH for side in self.check(x).shape[-2:])
        tokens = self.forward_layers(x, layers=layers)
        return [each[:, 1:].mT.reshape(x.shape[0], -1, height, width) for each in tokens]

    def forward_tokens(self, x: Tensor, *, masks: Tensor | None = None) -> dict[str, Tensor | None]:
        """`cls` (B, D) and `patches` (B, N, D), row-major, after the final norm.

        `masks`, bool (B, N), hides patches: the mask token takes their place before the positions are added.
        """
        tokens = self._last(self.check(x), masks)
        return {"cls": tokens[:, 0], "patches": tokens[:, 1:]}

    def forward_layers(self, x: Tensor, *, layers: Sequence[int]) -> list[Tensor]:
        """All tokens (B, 1 + N, D), the class token first, after chosen blocks, each through the final norm.

        Blocks are counted from 0, or as -1 from the last.
        """
        depth = len(self.body.blocks)
        if not all(-depth <= layer < depth for layer in layers):
            raise ValueError(f"{self.name} has the blocks 0 to {depth - 1}, got layers={list(layers)}")
        layers = [layer % depth for layer in layers]
        tokens, after = self._embed(self.check(x), None), {}
        for index, block in enumerate(self.body.blocks):
            tokens = block(tokens)
            if index in layers:
                after[index] = self.body.norm(tokens)
        return [after[layer] for layer in layers]

    def facts(self) -> dict[str, object]:
        """The backbone's facts and the image size that the positions were learned at."""
        return super().facts() | {"img_size": self.img_size}

    def fit(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Positions learned on another grid are resampled to this one's."""
        side, given = self.img_size // PATCH, tensors.get("pos_embed")
        if given is None or given.ndim != 3 or given.shape[1] == side * side + 1:
            return tensors
        self.adaptation["positions"] = f"resampled from {given.shape[1] - 1} to {side * side} patches"
        return tensors | {"pos_embed": resample_positions(given, side, side)}

    def _last(self, x: Tensor, masks: Tensor | None = None) -> Tensor:
        tokens: Tensor = self.body.norm(self.body.blocks(self._embed(x, masks)))
        return tokens

    def _embed(self, x: Tensor, masks: Tensor | None) -> Tensor:
        patches = self.first_layer(x)  # (B, D, h, w)
        positions = resample_positions(self.body.pos_embed, *patches.shape[-2:])
        patches = patches.flatten(2).mT
        if masks is not None:
            patches = torch.where(masks.unsqueeze(-1), self.mask_token.to(patches.dtype), patches)
        cls = self.body.cls_token.expand(x.shape[0], -1, -1)  # len(x) would fix the batch of an exported model
        return torch.cat([cls, patches], dim=1) + positions


def resample_positions(positions: Tensor, height: int, width: int) -> Tensor:
    """Position embeddings (1, 1 + n², D) for another grid of patches, as DINOv2 and SoftCon resample theirs.

    Bicubic without antialiasing, by the factors (height + 0.1) / n and (width + 0.1) / n as they are; the class token's
    stays. timm resamples otherwise: at half the size the class token moves by a hundredth of its scale.
    """
    side = round((positions.shape[1] - 1) ** 0.5)
    if height == width == side:
        return positions
    grid = positions[:, 1:].mT.reshape(1, -1, side, side)
    factors = ((height + 0.1) / side, (width + 0.1) / side)
    grid = F.interpolate(grid, scale_factor=factors, mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :1], grid.flatten(2).mT], dim=1)
