"""The networks that a name can mean."""

from collections.abc import Callable, Mapping, Sequence

from eo_models.backbone import Backbone
from eo_models.dual_models import DualResNet, DualSmallAlexNet, DualSwinTiny
from eo_models.resnet import ResNet
from eo_models.resnet_small import ResNetSmall
from eo_models.shared import SharedResNetSmall, SharedSmallAlexNet
from eo_models.small_alexnet import SmallAlexNet
from eo_models.swin import SwinTiny
from eo_models.swin_v2 import SwinV2
from eo_models.temporal import MultiImage
from eo_models.vit import ViT

ARCHITECTURES: dict[str, type[Backbone]] = {
    "resnet18": ResNet,
    "resnet50": ResNet,
    "resnet152": ResNet,
    "vit_small_patch14": ViT,
    "vit_base_patch14": ViT,
    "swin_v2_t": SwinV2,
    "swin_v2_b": SwinV2,
    "multi_swin_v2_t": MultiImage,
    "multi_swin_v2_b": MultiImage,
    "multi_resnet50": MultiImage,
    "multi_resnet152": MultiImage,
    "swin_tiny": SwinTiny,
    "small_alexnet": SmallAlexNet,
    "resnet18_small": ResNetSmall,
    "dual_resnet18": DualResNet,
    "dual_resnet50": DualResNet,
    "dual_swin_tiny": DualSwinTiny,
    "dual_small_alexnet": DualSmallAlexNet,
}
"""Each is called with the architecture's name, the bands and the sensor, and `img_size=` where it takes one."""
SHARED: dict[str, type[Backbone]] = {
    "small_alexnet": SharedSmallAlexNet,
    "resnet18_small": SharedResNetSmall,
}
"""What a network of one sensor becomes when it is given the bands of two."""


def network(name: str, bands: object) -> type[Backbone]:
    """The network of this name for one sensor's bands, or for those of two."""
    of_two = isinstance(bands, Mapping) and {"s1", "s2"} == bands.keys()
    return SHARED[name] if of_two and name in SHARED else ARCHITECTURES[name]


def build_backbone(
    name: str,
    bands: Sequence[str] | Mapping[str, Sequence[str]],
    sensor: str | Mapping[str, str],
    img_size: int | None = None,
) -> Backbone:
    """A backbone at random weights; `img_size` is for the networks that are built for one size of image."""
    build: Callable[..., Backbone] = network(name, bands)
    if img_size is not None and network(name, bands).takes_img_size:
        return build(name, bands, sensor, img_size=img_size)
    return build(name, bands, sensor)
