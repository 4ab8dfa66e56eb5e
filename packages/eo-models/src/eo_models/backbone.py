"""What every backbone is: a feature extractor that knows which bands in which units it wants."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from eo_models.layouts import OWN, Layout

Step = dict[str, Any]  # one JSON-able normalization step, {"op": "standardize", "mean": {...}, "std": {...}}


class Backbone(nn.Module, ABC):
    """A network from normalized pixels to features, with the facts that tell how to feed it.

    Attributes:
        body: The network itself, with the parameter names of its library.
        name: Architecture, such as `resnet18`.
        bands: Canonical band names in channel order.
        sensor: Sensor whose bands these are, such as `sentinel2-l1c`.
        units: Unit of the stored pixels, one per band; empty when nobody has said.
        normalization: Steps from stored pixels to what `forward` takes; None when nobody has said.
        num_features: Length D of the feature that `forward` gives.
        map_channels: Channels of each map that `forward_maps` gives, fine to coarse.
        map_strides: Input pixels per map pixel, fine to coarse.
        weights: Name of the published checkpoint, or of the file, that the weights are from; empty when random.
        adaptation: What was done to loaded weights so that they fit, and what of their file has no place here, in
            words; empty when nothing.
    """

    layouts: ClassVar[tuple[Layout, ...]] = (OWN,)
    """How the files that fit this network name their tensors, the likeliest first."""
    optional: frozenset[str] = frozenset()
    """Names in `body` that a file may lack."""
    takes_img_size: ClassVar[bool] = False
    """Whether the network is built for one size of image."""
    parts: ClassVar[tuple[str, ...]] = ()
    """Names of the `members` of a network for several sensors, which takes its bands by these."""

    body: Any  # a module of a library without types
    num_features: int
    map_channels: tuple[int, ...]
    map_strides: tuple[int, ...]

    def __init__(self, name: str, bands: Sequence[str], sensor: str) -> None:
        super().__init__()
        self.name = name
        self.bands = tuple(bands)
        self.sensor = sensor
        self.units: tuple[str, ...] = ()
        self.normalization: list[Step] | None = None
        self.weights = ""
        self.adaptation: dict[str, str] = {}

    @property
    def members(self) -> "Mapping[str, Backbone]":
        """The backbones this one is made of, by the part of a file that each is loaded from: itself alone."""
        return {"backbone": self}

    def grow(self, tensors: "Mapping[str, Tensor]") -> None:  # most have nothing to add
        """Builds what only some files have, before these tensors of such a file are loaded."""

    def fit(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a file, under the names of `body`, made to fit it; what is done goes into `adaptation`."""
        return tensors

    @property
    @abstractmethod
    def first_layer(self) -> nn.Conv2d:
        """The convolution that reads the bands."""

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D); `forward` without its check."""

    def forward(self, x: Tensor) -> Tensor:
        """The feature of each image: (B, C, H, W) normalized floats to (B, num_features)."""
        return self.features(self.check(x))

    @abstractmethod
    def forward_maps(self, x: Tensor) -> list[Tensor]:
        """Feature maps (B, C_i, H_i, W_i), fine to coarse."""

    def forward_tokens(self, x: Tensor) -> dict[str, Tensor | None]:
        """Tokens after the final norm: `cls` (B, D) or None, `patches` (B, N, D)."""
        raise ValueError(f"{self.name} has no tokens; use model(x) or model.forward_maps(x)")

    def forward_layers(self, x: Tensor, *, layers: Sequence[int]) -> list[Tensor]:
        """All tokens (B, 1 + N, D) after chosen blocks, for a ViT."""
        raise ValueError(f"{self.name} has no blocks of tokens; use model(x) or model.forward_maps(x)")

    def check(self, x: Tensor) -> Tensor:
        """The input itself, if it is what this network can take."""
        if x.ndim != 4 or x.shape[1] != len(self.bands):
            wanted = f"(B, {len(self.bands)}, H, W) with the bands {' '.join(self.bands)}"
            raise ValueError(f"{self.name} takes {wanted}, got {tuple(x.shape)}")
        if not x.is_floating_point():
            raise ValueError(
                f"{self.name} takes normalized floats, got raw {x.dtype} pixels; "
                "run eo_data.Normalize(model.normalization, model.bands) on them first"
            )
        return x

    def check_size(self, x: Tensor, side: int) -> Tensor:
        """The input itself, if it is `side` pixels high and wide, for a network that is built for one size."""
        height, width = x.shape[-2:]
        if (height, width) != (side, side):
            raise ValueError(
                f"{self.name} was built for {side}x{side} pixels, got {height}x{width}; build it with img_size=... "
                "or crop"
            )
        return x

    def facts(self) -> dict[str, Any]:
        """Everything but the weights, JSON-able: what `save_backbone` writes and `create_model` reads."""
        return {
            "architecture": self.name,
            "sensor": self.sensor,
            "bands": list(self.bands),
            "units": list(self.units),
            "normalization": self.normalization,
            "num_features": self.num_features,
            "weights": self.weights,
            "adaptation": self.adaptation,
        }
