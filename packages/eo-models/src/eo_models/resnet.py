"""ResNets (arXiv 1512.03385) for any bands, with the parameter names of timm and torchvision."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import timm
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.layouts import OWN, Layout, Rule
from eo_models.satlas_files import SINGLE_IMAGE
from eo_models.two_sensor_layouts import DUAL_RESNET


def sequential_rules(prefix: str) -> tuple[Rule, ...]:
    """A ResNet kept as the Sequential of its children, as SeCo keeps it: 0 is conv1, 1 bn1, 4 to 7 the stages."""
    children = {0: "conv1", 1: "bn1", **{3 + stage: f"layer{stage}" for stage in (1, 2, 3, 4)}}
    return tuple(Rule(rf"{prefix}\.{index}\.(.+)", "backbone", rf"{name}.\1") for index, name in children.items())


PLAIN = Layout(
    name="torchvision's and timm's files",
    rules=(
        Rule(r"(?:conv1|bn1|layer[1-4])\..+", "backbone"),
        Rule(r"fc\.(weight|bias)", "head", r"linear.\1"),
        Rule(r"fc\.(\d\..+)", "projection", r"\1"),
    ),
)
SECO = Layout(
    name="SeCo's pretraining files",
    rules=(
        *sequential_rules("encoder_q"),
        Rule(r"encoder_k\..+", "momentum encoder"),
        Rule(r"heads_q\.(.+)", "projection", r"\1"),
        Rule(r"heads_k\..+", "momentum projection"),
        Rule(r"queue(_ptr)?", "queue"),
    ),
    marks=(r"encoder_q\.0\.",),
)
SECO_OSCD = Layout(
    name="SeCo's change detection files",
    rules=(
        *sequential_rules(r"model\.encoder\.encoder"),
        Rule(r"model\.shrink2(\d)\.(.+)", "neck", r"fuse.\1.\2"),
        Rule(r"model\.shrink(\d)\.(.+)", "neck", r"up.\1.\2"),
        Rule(r"model\.batchnorm(\d)\.(.+)", "neck", r"norm.\1.\2"),
        Rule(r"model\.outc\.(.+)", "head", r"\1"),
    ),
    marks=(r"model\.encoder\.encoder\.0\.",),
)


class ResNet(Backbone):
    """ResNet without its classifier.

    Input: (B, C, H, W) normalized floats, H and W at least 32.
    Output: (B, 512) for resnet18, (B, 2048) for the others: the last map, averaged over its pixels. A file whose
        classifier was trained on projections makes these the feature, (B, 128).
    Maps: strides 4, 8, 16, 32.
    """

    layouts: ClassVar[tuple[Layout, ...]] = (PLAIN, SECO, SECO_OSCD, SINGLE_IMAGE, *DUAL_RESNET, OWN)

    def __init__(self, name: str, bands: Sequence[str], sensor: str) -> None:
        super().__init__(name, bands, sensor)
        self.body = self.build(len(bands))
        self.num_features = self.body.num_features
        stages = self.body.feature_info[1:]  # the first entry is the stem
        self.map_channels = tuple(stage["num_chs"] for stage in stages)
        self.map_strides = tuple(stage["reduction"] for stage in stages)

    def build(self, channels: int) -> nn.Module:
        """timm's network, without its classifier."""
        body: nn.Module = timm.create_model(self.name, in_chans=channels, num_classes=0)
        return body

    @property
    def first_layer(self) -> nn.Conv2d:
        """The 7x7 convolution of the stem."""
        layer: nn.Conv2d = self.body.conv1
        return layer

    def grow(self, tensors: Mapping[str, Tensor]) -> None:
        """A two-layer `projection` beside the feature, or behind it (`feature`), is built for a file that has one."""
        for name in ("projection", "feature"):
            if f"{name}.2.weight" in tensors:
                out, width = tensors[f"{name}.2.weight"].shape
                layers = nn.Linear(self.num_features, width), nn.ReLU(), nn.Linear(width, out)
                # beside the feature no forward pass uses it, and parameters without a gradient would stop DDP
                setattr(self.body, name, nn.Sequential(*layers).requires_grad_(name == "feature"))
                self.num_features = out if name == "feature" else self.num_features

    def project(self, x: Tensor) -> Tensor:
        """The projection of the feature that the loss of pretraining saw, (B, 128), where the file had one."""
        if not hasattr(self.body, "projection"):
            raise ValueError(f"{self.name} has no projection beside its feature; the file that it is from holds none")
        projected: Tensor = self.body.projection(self(x))
        return projected

    def features(self, x: Tensor) -> Tensor:
        """Global average pool of the last map, (B, D), or the projection that took its place."""
        pooled: Tensor = self.body(x)
        return self.body.feature(pooled) if hasattr(self.body, "feature") else pooled

    def forward_maps(self, x: Tensor) -> list[Tensor]:
        """The four stages' maps, strides 4 to 32."""
        maps: list[Tensor] = self.body.forward_intermediates(
            self.check(x), indices=[1, 2, 3, 4], intermediates_only=True
        )
        return maps
