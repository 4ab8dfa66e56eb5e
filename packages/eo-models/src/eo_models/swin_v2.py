"""Swin Transformers V2 (arXiv 2111.09883) for any bands, with the parameter names of torchvision."""

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models import swin_v2_b, swin_v2_t

from eo_models.backbone import Backbone
from eo_models.layouts import OWN, Layout, Rule
from eo_models.satlas_files import SINGLE_IMAGE

PATCH = 4
STAGES = (1, 3, 5, 7)  # features[0] embeds the patches, the even ones between the stages merge them
BUILDERS = {"swin_v2_t": swin_v2_t, "swin_v2_b": swin_v2_b}
PLAIN = Layout(
    name="torchvision's files",
    rules=(Rule(r"features\..+", "backbone"), Rule(r"(?:norm|head)\.(?:weight|bias)", "ImageNet's classifier")),
)


class SwinV2(Backbone):
    """Swin-v2-T or Swin-v2-B without its classifier, windows of 8x8 tokens.

    Drops paths in training at torchvision's rates, which are Satlas': up to 0.2 (T) and 0.5 (B), growing with depth.

    Input: (B, C, H, W) normalized floats, H and W at least 4; pixels beyond the last whole 4x4 patch are not seen.
    Output: (B, 768) or (B, 1024): the last map, averaged over its pixels.
    Maps: strides 4, 8, 16, 32, what each stage gives before its tokens are merged. No norm follows the last.
    """

    layouts = (SINGLE_IMAGE, PLAIN, OWN)

    def __init__(self, name: str, bands: Sequence[str], sensor: str) -> None:
        super().__init__(name, bands, sensor)
        layers = BUILDERS[name](weights=None).features
        embedding = layers[0][0]
        layers[0][0] = nn.Conv2d(len(bands), embedding.out_channels, PATCH, stride=PATCH)
        self.body = nn.ModuleDict({"features": layers})  # the norm and the classifier behind it read no map
        self.map_channels = tuple(embedding.out_channels * 2**level for level in range(len(STAGES)))
        self.map_strides = tuple(PATCH * 2**level for level in range(len(STAGES)))
        self.num_features = self.map_channels[-1]

    @property
    def first_layer(self) -> nn.Conv2d:
        """The patch embedding."""
        layer: nn.Conv2d = self.body["features"][0][0]
        return layer

    def check(self, x: Tensor) -> Tensor:
        """The input itself, if it holds a patch."""
        height, width = super().check(x).shape[-2:]
        if min(height, width) < PATCH:
            raise ValueError(f"{self.name} takes images of at least {PATCH}x{PATCH} pixels, got {height}x{width}")
        return x

    def features(self, x: Tensor) -> Tensor:
        """Global average pool of the last map, (B, D)."""
        return self._stages(x)[-1].mean(dim=(-2, -1))

    def forward_maps(self, x: Tensor) -> list[Tensor]:
        """The four stages' maps, strides 4 to 32."""
        return self._stages(self.check(x))

    def _stages(self, x: Tensor) -> list[Tensor]:
        maps = []
        for index, layer in enumerate(self.body["features"]):
            x = layer(x)  # (B, H, W, C)
            if index in STAGES:
                maps.append(x.permute(0, 3, 1, 2))
        return maps
