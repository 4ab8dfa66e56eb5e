"""The networks that a name can mean."""

from collections.abc import Callable, Mapping, Sequence

from eo_models.backbone import Backbone
from eo_models.resnet import ResNet
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
}
"""Each is called with the architecture's name, the bands and the sensor, and `img_size=` where it takes one."""


def build_backbone(
    name: str,
    bands: Sequence[str] | Mapping[str, Sequence[str]],
    sensor: str | Mapping[str, str],
    img_size: int | None = None,
) -> Backbone:
    """A backbone at random weights; `img_size` is for the networks that are built for one size of image."""
    build: Callable[..., Backbone] = ARCHITECTURES[name]
    if img_size is not None and ARCHITECTURES[name].takes_img_size:
        return build(name, bands, sensor, img_size=img_size)
    return build(name, bands, sensor)
