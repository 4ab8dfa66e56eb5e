"""The two-sensor models of SSLTransformerRS and SupCon_SSL."""

from typing import ClassVar

from eo_models.backbone import Backbone
from eo_models.dual import DualBackbone
from eo_models.layouts import Layout
from eo_models.resnet import ResNet
from eo_models.small_alexnet import SmallAlexNet
from eo_models.swin import SwinTiny
from eo_models.two_sensor_layouts import (
    DUAL_ALEXNET,
    DUAL_RESNET,
    DUAL_SWIN,
    SHARED_ALEXNET,
)


class DualResNet(DualBackbone):
    """A ResNet for each sensor.

    A pretraining file brings the projection that its loss saw, `model.s1.project(x)`, beside the pooled feature. In a
    file whose classifier was trained on the projections, these are the feature.
    """

    side: ClassVar[type[Backbone]] = ResNet
    layouts: ClassVar[tuple[Layout, ...]] = DUAL_RESNET


class DualSwinTiny(DualBackbone):
    """A Swin-T for each sensor."""

    side: ClassVar[type[Backbone]] = SwinTiny
    takes_img_size: ClassVar[bool] = True
    layouts: ClassVar[tuple[Layout, ...]] = DUAL_SWIN


class DualSmallAlexNet(DualBackbone):
    """A small AlexNet for each sensor."""

    side: ClassVar[type[Backbone]] = SmallAlexNet
    takes_img_size: ClassVar[bool] = True
    layouts: ClassVar[tuple[Layout, ...]] = (*DUAL_ALEXNET, *SHARED_ALEXNET)
