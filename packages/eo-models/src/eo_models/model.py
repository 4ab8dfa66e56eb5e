"""A backbone with a neck, a head, or both."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from torch import Tensor, nn

from eo_models.backbone import Backbone

Image: TypeAlias = Tensor | Mapping[str, Tensor]
"""Normalized floats (B, C, H, W), or for two sensors one such under `s1` and one under `s2`."""


class Neck(nn.Module, ABC):
    """What makes other maps out of a backbone's.

    Attributes:
        map_channels: Channels of each map, fine to coarse.
        map_strides: Input pixels per map pixel, fine to coarse.
    """

    map_channels: tuple[int, ...]
    map_strides: tuple[int, ...]
    heads: ClassVar[Mapping[str, "HeadBuilder"]] = {}
    """Heads that on this neck are other ones than elsewhere."""

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """Its modules, by the part of a file that each is loaded from."""
        return {"neck": self}

    @abstractmethod
    def forward(self, backbone: Backbone, x: Any) -> list[Tensor]:
        """The maps (B, C_i, H_i, W_i) of an image, fine to coarse; the neck asks the backbone for what it needs."""


class Head(nn.Module, ABC):
    """What answers a task: raw outputs, their activation, their loss."""

    takes: ClassVar[Literal["feature", "maps"]] = "maps"
    """Whether `forward` gets the backbone's feature (B, D), or the list of maps."""
    part = "head"
    """What a file calls it; of several heads in one file, the number too."""

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """Its modules, by the part of a file that each is loaded from."""
        return {self.part: self}

    @abstractmethod
    def forward(self, given: Any, size: tuple[int, int]) -> Any:
        """Raw outputs, before any activation, for images of this height and width."""

    @abstractmethod
    def activate(self, logits: Any) -> Any:
        """Raw outputs to answers: probabilities, values, boxes."""

    @abstractmethod
    def loss(self, logits: Any, target: Any) -> Tensor:
        """Scalar training loss of raw outputs."""


HeadBuilder: TypeAlias = Callable[[Backbone, Neck | None, int | None], Head]
NeckBuilder: TypeAlias = Callable[[Backbone], Neck]


class Model(nn.Module):
    """A backbone with a neck, a head, or both; `build_model` makes one.

    `model(x)` gives the head's raw outputs, or without a head the maps; `model.predict(x)` gives answers and
    `model.loss(x, target)` a scalar.
    """

    def __init__(self, backbone: Backbone, neck: Neck | None, head: Head | None) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.head = head

    @property
    def adaptation(self) -> dict[str, str]:
        """What was done to loaded weights, and what stayed random."""
        return self.backbone.adaptation

    @property
    def others(self) -> dict[str, nn.Module]:
        """The modules beside the backbone, by the part of a file that each is loaded from."""
        return {part: module for each in (self.neck, self.head) if each for part, module in each.parts.items()}

    def forward(self, x: Any) -> Any:
        """Raw outputs of the head, or without one the maps, fine to coarse."""
        if self.head is None:
            return self.maps(x)
        given = self.backbone(x) if self.head.takes == "feature" else self.maps(x)
        return self.head(given, _size(x))

    def maps(self, x: Any) -> list[Tensor]:
        """The neck's maps, or without one the backbone's."""
        return self.backbone.forward_maps(x) if self.neck is None else self.neck(self.backbone, x)

    def predict(self, x: Any) -> Any:
        """Answers: probabilities of classes, values in their units, boxes."""
        return self._head().activate(self(x))

    def loss(self, x: Any, target: Any) -> Tensor:
        """Scalar training loss of images against their target."""
        return self._head().loss(self(x), target)

    def _head(self) -> Head:
        if self.head is None:
            raise ValueError("this model has no head: build it with head=..., or take its maps with model(x)")
        return self.head


def _size(x: Image) -> tuple[int, int]:
    height, width = (x["s1"] if isinstance(x, Mapping) else x).shape[-2:]
    return height, width
