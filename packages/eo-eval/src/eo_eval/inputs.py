"""What each image of a sample has to become for a model: its channels by name, one normalization on the device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_data import SENSORS, Normalize, Step, native_images, on_one_grid
from eo_eval.described import channel_order, data_bands, described
from eo_models import Backbone

SaidBy = Literal["argument", "model", "dataset"]


@dataclass(frozen=True, kw_only=True)
class Input:
    """The way of one key of a sample into the model."""

    key: str
    """`image`; `s1` and `s2` for a model of two sensors."""
    data_bands: tuple[str, ...]
    """Canonical names of the data's channels."""
    data_sensor: str | None
    """Whose the data say they are."""
    order: list[int] | None
    """Which channel of the data goes into each channel of the model; None when they agree."""
    normalize: Normalize
    normalization_from: SaidBy
    """Who said how to normalize."""
    image_size: int | None
    """Images are resized to this many pixels a side."""

    def from_native(self, sample: Mapping[str, Any]) -> dict[str, Tensor]:
        """The image on the finest grid, of a sample that has it at native resolution (`image_10m`, ...); else none."""
        if self.data_sensor is None or self.data_sensor not in SENSORS or f"{self.key}_10m" not in sample:
            return {}
        groups = native_images(self.key, self.data_sensor, self.data_bands)
        return {self.key: on_one_grid({name: sample[name] for name in groups}, groups, self.data_bands)}

    def __call__(self, images: Tensor, device: torch.device) -> Tensor:
        """Stored pixels (N, C, H, W) as the model takes them: float32, channels-last, on the device."""
        if images.shape[-3] != len(self.data_bands):
            raise ValueError(
                f"the images have {images.shape[-3]} channels, their bands are said to be {' '.join(self.data_bands)}"
            )
        if self.order is not None:
            images = torch.stack([images[:, i] for i in self.order], dim=1)
        x: Tensor = self.normalize(images.to(device, non_blocking=True))
        if self.image_size is not None and x.shape[-2:] != (self.image_size, self.image_size):
            x = F.interpolate(x, size=(self.image_size, self.image_size), mode="bilinear", antialias=True)
        return x.contiguous(memory_format=torch.channels_last)


def sides(model: Backbone) -> dict[str, Backbone]:
    """The networks that see an image each, by its key in a sample."""
    two = isinstance(model.bands, Mapping)
    return {key: getattr(model, key) for key in model.bands} if two else {"image": model}


def open_inputs(
    model: Backbone,
    dataset: object,
    *,
    image_size: int | None,
    bands: Sequence[str] | None,
    select_bands: bool,
    normalization: Sequence[Step] | None,
) -> tuple[Input, ...]:
    """The inputs of a model from a data set, on the model's device; arguments as for `eo_eval.extract_features`."""
    device = next(model.parameters()).device
    return tuple(
        _open(key, side, dataset, device, image_size, bands, select_bands, normalization)
        for key, side in sides(model).items()
    )


def choose_normalization(
    model: Backbone, dataset: object, asked: Sequence[Step] | None = None
) -> tuple[list[Step], SaidBy]:
    """The steps to run, and who said so: the caller before the model before the data set."""
    if asked is not None:
        return list(asked), "argument"
    if model.normalization is not None:
        return list(model.normalization), "model"
    recommended = described(dataset, "normalization")
    if recommended is not None:
        return list(recommended), "dataset"
    raise ValueError(
        f"neither {model.name} nor {type(dataset).__name__} says how its pixels are normalized: pass normalization=, "
        "such as eo_data.standardize_by(eo_data.compute_statistics(dataset))"
    )


def _open(
    key: str,
    side: Backbone,
    dataset: object,
    device: torch.device,
    image_size: int | None,
    bands: Sequence[str] | None,
    select_bands: bool,
    normalization: Sequence[Step] | None,
) -> Input:
    described_by = part_of(dataset, key)
    have = data_bands(side, described_by, bands)
    steps, said_by = choose_normalization(side, described_by, normalization)
    return Input(
        key=key,
        data_bands=have,
        data_sensor=described(described_by, "sensor"),
        order=channel_order(side, have, select=select_bands),
        normalize=Normalize(steps, side.bands).to(device),
        normalization_from=said_by,
        image_size=image_size,
    )


def part_of(dataset: object, key: str) -> Any:
    """What a data set of two sensors says of one; of any other data set it says itself."""
    return (described(dataset, "parts") or {}).get(key, dataset) if key != "image" else dataset
