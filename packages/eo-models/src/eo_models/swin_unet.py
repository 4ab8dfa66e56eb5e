"""The Swin-UNets of SSLTransformerRS: one decoder a sensor, fused before the last expansion."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.heads import MapHead, counted
from eo_models.meanings import ONE_OF
from eo_models.model import HeadBuilder, Neck
from eo_models.swin import PATCH, SwinTiny

WINDOW = 7


class PatchExpand(nn.Module):
    """Each token becomes a square of tokens: (B, H, W, C) to (B, factor*H, factor*W, out), the inverse of merging."""

    def __init__(self, channels: int, out: int, *, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor
        self.expand = nn.Linear(channels, factor * factor * out, bias=False)
        self.norm = nn.LayerNorm(out)

    def forward(self, x: Tensor) -> Tensor:
        """The square's rows, then its columns, then the channels lie along the linear layer's output."""
        B, H, W, _ = x.shape
        x = self.expand(x).view(B, H, W, self.factor, self.factor, -1)
        expanded: Tensor = self.norm(x.permute(0, 1, 3, 2, 4, 5).reshape(B, H * self.factor, W * self.factor, -1))
        return expanded


class UpStage(nn.Module):
    """Joins the stream with the skip connection, attends, and expands (the finest stage does not)."""

    def __init__(self, channels: int, side: int, *, heads: int, drop_path: Sequence[float], expand: bool) -> None:
        super().__init__()
        self.join = nn.Linear(2 * channels, channels)
        self.blocks = nn.Sequential(
            *(
                SwinTransformerBlock(
                    channels,
                    (side, side),
                    num_heads=heads,
                    window_size=WINDOW,
                    shift_size=WINDOW // 2 * (index % 2),
                    drop_path=rate,
                )
                for index, rate in enumerate(drop_path)
            )
        )
        self.upsample = PatchExpand(channels, channels // 2) if expand else nn.Identity()

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, H, W, C) twice to (B, 2H, 2W, C/2), or to (B, H, W, C) in the finest stage."""
        x = self.join(torch.cat([x, skip], dim=-1))  # the decoder's stream first, as in the authors' files
        up: Tensor = self.upsample(self.blocks(x))
        return up


class Decoder(nn.Module):
    """One Swin-T's way back from its last tokens to stride 4: its stages mirrored, with their drop path."""

    def __init__(self, encoder: SwinTiny) -> None:
        super().__init__()
        coarsest = encoder.map_channels[-1]
        self.expand = PatchExpand(coarsest, coarsest // 2)
        self.stages = nn.ModuleDict({str(step): _mirror(encoder, 3 - step) for step in (1, 2, 3)})
        self.norm = nn.LayerNorm(encoder.map_channels[0])

    def forward(self, tokens: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """(B, H/32, W/32, 768) and the stages' inputs, finest first, to (B, H/4, W/4, 96); the last is not used."""
        x = self.expand(tokens)
        for stage, skip in zip(self.stages.values(), reversed(skips[:-1]), strict=True):
            x = stage(x, skip)
        up: Tensor = self.norm(x)
        return up


class SegmentPixels(MapHead):
    """One class a pixel, by a 1x1 convolution without bias. Targets: int64 (B, H, W), 255 = ignored."""

    meaning = ONE_OF

    def __init__(self, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> None:
        super().__init__()
        width = (neck or backbone).map_channels[0]
        self.conv = nn.Conv2d(width, counted(num_outputs, self.meaning), 1, bias=False)

    def forward(self, given: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Raw outputs (B, K, H, W)."""
        raw: Tensor = self.conv(given[0])
        return raw


class SwinUNet(Neck):
    """Decoders of one or two Swin-T, concatenated at stride 4, and one expansion to the image's size.

    Late fusion as in HSG-AIML/SSLTransformerRS:dfc_model.py, where both decoders own such an expansion and only the
    first one's is used. The decoders' linear layers keep PyTorch's initialization, as there.
    """

    map_strides = (1,)
    heads: ClassVar[Mapping[str, HeadBuilder]] = {"segment": SegmentPixels}

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        if not _encoders(backbone):
            raise ValueError(f"the swin_unet neck mirrors swin_tiny or dual_swin_tiny, got {backbone.name}")
        self.decoders = nn.ModuleDict({part: Decoder(member) for part, member in _encoders(backbone).items()})
        channels = sum(member.map_channels[0] for member in backbone.members.values())
        self.up = PatchExpand(channels, channels, factor=PATCH)
        self.map_channels = (channels,)

    def forward(self, backbone: Backbone, x: Any) -> list[Tensor]:
        """One map as fine as the image, (B, 96 a sensor, H, W), Sentinel-1 first."""
        x = backbone.check(x)
        ups = [
            self.decoders[part](*encoder.pyramid(x[part] if backbone.parts else x))
            for part, encoder in _encoders(backbone).items()
        ]
        return [self.up(torch.cat(ups, dim=-1)).permute(0, 3, 1, 2)]


def _encoders(backbone: Backbone) -> dict[str, SwinTiny]:
    return {part: member for part, member in backbone.members.items() if isinstance(member, SwinTiny)}


def _mirror(encoder: SwinTiny, index: int) -> UpStage:
    blocks = encoder.body.layers[index].blocks
    return UpStage(
        encoder.map_channels[index],
        encoder.img_size // encoder.map_strides[index],
        heads=blocks[0].attn.num_heads,
        drop_path=[getattr(block.drop_path1, "drop_prob", 0.0) for block in blocks],
        expand=index > 0,
    )
