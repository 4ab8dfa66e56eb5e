"""The features that can be asked of a model by name."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, TypeAlias

import torch
from torch import Tensor

from eo_models import Backbone

Images: TypeAlias = Any
"""(B, C, H, W); for a model of two sensors a mapping with one such under `s1` and one under `s2`."""


def feature_function(model: Backbone, feature: str) -> Callable[[Images], Tensor]:
    """What turns images into the features (B, D) of this name.

    `default` is the model's published feature. The others are for models with tokens, after the final norm: `cls` the
    class token, `patch_mean` the mean of the patch tokens, `cls_last4` the class tokens of the last four blocks, joined
    (DINOv2, arXiv 2304.07193, appendix B.3).
    """
    check_feature(feature)
    return lambda images: FEATURES[feature](model, images)


def check_feature(feature: str) -> None:
    """Refuses a name that no feature has."""
    if feature not in FEATURES:
        near = get_close_matches(feature, FEATURES, n=3, cutoff=0.3) or list(FEATURES)
        raise ValueError(f"unknown feature {feature!r}; nearest known: {', '.join(near)}")


def _cls(model: Backbone, images: Images) -> Tensor:
    cls = model.forward_tokens(images)["cls"]
    if cls is None:
        raise ValueError(f"{model.name} has no class token; take feature 'patch_mean' or 'default'")
    return cls


def _patch_mean(model: Backbone, images: Images) -> Tensor:
    patches = model.forward_tokens(images)["patches"]
    assert patches is not None
    return patches.mean(1)


def _cls_last4(model: Backbone, images: Tensor) -> Tensor:
    _cls(model, images[:1])  # refuses models without a class token, in their own words
    blocks = model.forward_layers(images, layers=range(-4, 0))
    return torch.cat([tokens[:, 0] for tokens in blocks], dim=1)


FEATURES: dict[str, Callable[[Backbone, Images], Tensor]] = {
    "default": lambda model, images: model(images),
    "cls": _cls,
    "patch_mean": _patch_mean,
    "cls_last4": _cls_last4,
}
