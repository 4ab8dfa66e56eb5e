"""One trunk behind two stems: what SupCon_SSL calls its shared models."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from eo_models.backbone import Backbone
from eo_models.dual import DualBackbone
from eo_models.layouts import Layout
from eo_models.resnet_small import ResNetSmall
from eo_models.small_alexnet import SmallAlexNet
from eo_models.two_sensor_layouts import OWN_DUAL, SHARED_ALEXNET, SHARED_RESNET


class SharedTrunk(DualBackbone):
    """Two backbones of one kind that have everything in common but their first block.

    A training step on both sensors adds both gradients in the trunk, and its batch norm follows both.
    """

    stem: ClassVar[str]
    """Name in `body` of the block that each sensor has for itself."""

    def __init__(
        self, name: str, bands: Mapping[str, Sequence[str]], sensor: Mapping[str, str], img_size: int | None = None
    ) -> None:
        super().__init__(name, bands, sensor, img_size)
        for path, module in list(self.s1.body.named_modules()):
            if not list(module.children()) and not f"{path}.".startswith(f"{self.stem}."):
                parent, _, leaf = path.rpartition(".")
                setattr(self.s2.body.get_submodule(parent), leaf, module)
        self.s2.optional = frozenset(key for key in self.s2.body.state_dict() if not key.startswith(f"{self.stem}."))


class SharedSmallAlexNet(SharedTrunk):
    """`small_alexnet` with bands for two sensors."""

    side: ClassVar[type[Backbone]] = SmallAlexNet
    stem: ClassVar[str] = "blocks.0"
    takes_img_size: ClassVar[bool] = True
    layouts: ClassVar[tuple[Layout, ...]] = (*SHARED_ALEXNET, OWN_DUAL)


class SharedResNetSmall(SharedTrunk):
    """`resnet18_small` with bands for two sensors."""

    side: ClassVar[type[Backbone]] = ResNetSmall
    stem: ClassVar[str] = "conv1"
    layouts: ClassVar[tuple[Layout, ...]] = (*SHARED_RESNET, OWN_DUAL)
