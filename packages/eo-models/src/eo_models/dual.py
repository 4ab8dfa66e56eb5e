"""Two backbones side by side: Sentinel-1 and Sentinel-2 images of one place."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from eo_models.backbone import Backbone


class BySensor:
    """An attribute of both sides, read and written as a mapping from `s1` and `s2` to their values."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, dual: "DualBackbone", owner: type) -> dict[str, Any]:
        return {name: getattr(side, self.name) for name, side in dual.members.items()}

    def __set__(self, dual: "DualBackbone", values: Mapping[str, Any]) -> None:
        for name, side in dual.members.items():
            setattr(side, self.name, values[name])


class DualBackbone(Backbone):
    """A backbone for each sensor; features, maps and tokens of both are concatenated, Sentinel-1 first.

    Input: a mapping with `s1` (B, C1, H, W) and `s2` (B, C2, H, W), normalized floats; a batch of samples is one.
    Output: (B, D1 + D2).

    Attributes:
        s1: Backbone of the Sentinel-1 bands.
        s2: Backbone of the Sentinel-2 bands.
        bands, sensor, units, normalization: Of both, as mappings from `s1` and `s2`.
    """

    side: ClassVar[type[Backbone]]
    """What both are."""
    parts: ClassVar[tuple[str, ...]] = ("s1", "s2")
    bands: Any = BySensor()
    sensor: Any = BySensor()
    units: Any = BySensor()
    normalization: Any = BySensor()

    def __init__(
        self, name: str, bands: Mapping[str, Sequence[str]], sensor: Mapping[str, str], img_size: int | None = None
    ) -> None:
        nn.Module.__init__(self)  # the facts that Backbone.__init__ would hold are those of the two sides
        self.name = name
        self.weights = ""
        self._done: dict[str, str] = {}
        single, size = name.removeprefix("dual_"), {"img_size": img_size} if img_size else {}
        self.s1 = self.side(single, bands["s1"], sensor["s1"], **size)
        self.s2 = self.side(single, bands["s2"], sensor["s2"], **size)
        self.map_channels = tuple(2 * channels for channels in self.s1.map_channels)
        self.map_strides = self.s1.map_strides

    @property
    def members(self) -> dict[str, Backbone]:
        """Both backbones, `s1` first."""
        return {"s1": self.s1, "s2": self.s2}

    @property
    def num_features(self) -> int:  # type: ignore[override]
        """Length of both features together; with some files a side grows a projection, which becomes its feature."""
        return self.s1.num_features + self.s2.num_features

    @property
    def adaptation(self) -> dict[str, str]:
        """What was done to loaded weights; what was done for one sensor begins with its name."""
        sides = {f"{name}.{key}": said for name, side in self.members.items() for key, said in side.adaptation.items()}
        return self._done | sides

    @adaptation.setter
    def adaptation(self, said: Mapping[str, str]) -> None:
        self._done = {key: words for key, words in said.items() if key.partition(".")[0] not in self.parts}
        for name, side in self.members.items():
            begin = f"{name}."
            side.adaptation = {k.removeprefix(begin): words for k, words in said.items() if k.startswith(begin)}

    @property
    def body(self) -> nn.ModuleDict:
        """Both networks: parameters are named `s1.` or `s2.` and then as in their library."""
        return nn.ModuleDict({name: side.body for name, side in self.members.items()})

    @property
    def first_layer(self) -> nn.Conv2d:
        """There are two."""
        raise ValueError(f"{self.name} has a first layer for each sensor; use model.s1.first_layer or model.s2's")

    def forward(self, x: Mapping[str, Tensor]) -> Tensor:  # type: ignore[override]  # two images, not one
        """The feature of each place: `s1` (B, C1, H, W) and `s2` (B, C2, H, W) to (B, num_features)."""
        return self.features(self.check(x))

    def features(self, x: Mapping[str, Tensor]) -> Tensor:  # type: ignore[override]
        """Both features, (B, D1 + D2)."""
        return torch.cat([side.features(x[name]) for name, side in self.members.items()], dim=1)

    def forward_maps(self, x: Mapping[str, Tensor]) -> list[Tensor]:  # type: ignore[override]
        """Both backbones' maps, level by level, concatenated on the channels."""
        x = self.check(x)
        both = [side.forward_maps(x[name]) for name, side in self.members.items()]
        return [torch.cat(level, dim=1) for level in zip(*both, strict=True)]

    def forward_tokens(self, x: Mapping[str, Tensor]) -> dict[str, Tensor | None]:  # type: ignore[override]
        """`patches` of both backbones, (B, N, D1 + D2); `cls` (B, D1 + D2) where they have one."""
        x = self.check(x)
        s1, s2 = (side.forward_tokens(x[name]) for name, side in self.members.items())
        return {kind: _joined(s1[kind], s2[kind]) for kind in s1}

    def check(self, x: Mapping[str, Tensor]) -> Mapping[str, Tensor]:  # type: ignore[override]
        """The input itself, if both images are there, are of the same places, and fit their backbones."""
        if not isinstance(x, Mapping) or not self.members.keys() <= x.keys():
            got = f"one with {' '.join(map(str, x))}" if isinstance(x, Mapping) else f"a {type(x).__name__}"
            raise ValueError(
                f"{self.name} takes a mapping with s1 and s2, got {got}; model.s1(x) and model.s2(x) take one sensor"
            )
        s1, s2 = (side.check(x[name]) for name, side in self.members.items())
        if len(s1) != len(s2):
            raise ValueError(f"s1 and s2 must show the same places, got {len(s1)} and {len(s2)} images")
        return x

    def facts(self) -> dict[str, Any]:
        """Everything but the weights; what each sensor has for itself is a mapping from `s1` and `s2`."""
        s1, s2 = self.s1.facts(), self.s2.facts()
        own = {"architecture": self.name, "num_features": self.num_features, "weights": self.weights}
        of_sensors = {key: {"s1": s1[key], "s2": s2[key]} for key in ("sensor", "bands", "units", "normalization")}
        return s1 | own | of_sensors | {"adaptation": self.adaptation}


def _joined(s1: Tensor | None, s2: Tensor | None) -> Tensor | None:
    return None if s1 is None or s2 is None else torch.cat([s1, s2], dim=-1)
