"""From a batch as stored to the views that a method sees, on the training device."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from eo_data import Normalize
from eo_train.views import Views

Seasons = Literal[1, 2]


@dataclass(frozen=True)
class Prepared:
    """Two views of every image, and their labels where the data set has some.

    Attributes:
        views: Two tensors (B, C, H, W), normalized and augmented.
        labels: Labels of the image behind each view: (B,) classes or (B, K) multi-hot, all zero where unlabelled.
    """

    views: tuple[Tensor, Tensor]
    labels: tuple[Tensor, Tensor] | None = None


class Prepare:
    """Chooses the seasons, normalizes once, and draws the views.

    Args:
        normalize: Stored pixels to normalized floats.
        views: Draws one view of each image of a batch.
        seasons: With images (B, T, C, H, W): whether the two views come from one season or from two.
    """

    def __init__(self, normalize: Normalize, views: Views, *, seasons: Seasons = 1) -> None:
        self.normalize, self.views, self.seasons = normalize, views, seasons

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Prepared:
        """A collated batch, its tensors on the training device, as two views."""
        images, label = batch["image"], batch.get("label")
        if images.ndim == 4:
            first = second = self._normalized(images, batch)
            labels = None if label is None else (label, label)
        else:
            chosen = choose_seasons(len(images), images.shape[1], self.seasons, generator).to(images.device)
            rows = torch.arange(len(images), device=images.device)
            first = self._normalized(images[rows, chosen[0]], batch)
            second = first if self.seasons == 1 else self._normalized(images[rows, chosen[1]], batch)
            labels = None if label is None else (label[rows, chosen[0]], label[rows, chosen[1]])
        return Prepared((self.views(first, generator), self.views(second, generator)), labels)

    def _normalized(self, images: Tensor, batch: Mapping[str, Any]) -> Tensor:
        normalized: Tensor = self.normalize(images)
        typical = normalized.abs().mean()
        if not torch.isfinite(typical):
            bad = [i for i, image in enumerate(normalized) if not torch.isfinite(image).all()]
            named = [str(batch["id"][i]) if "id" in batch else f"row {i}" for i in bad]
            raise ValueError(f"pixels are NaN or infinite in {', '.join(named[:4])}; mend or leave out these images")
        if typical > 100:
            raise ValueError(
                f"normalized pixels should be of the order of 1, got {typical:.0f} on average: these look like raw "
                "ones; set normalization to the steps for this data (`data` takes its own mean and standard deviation)"
            )
        return normalized


def choose_seasons(batch: int, available: int, seasons: Seasons, generator: torch.Generator) -> Tensor:
    """Indices (2, B) of the season behind each view: the same one twice, or two different ones."""
    if available < seasons:
        raise ValueError(f"views from {seasons} seasons want at least {seasons} an image, got {available}")
    order = torch.rand(batch, available, generator=generator).argsort(dim=1)
    return torch.stack([order[:, 0], order[:, seasons - 1]])
