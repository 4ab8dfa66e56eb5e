"""From a batch as stored to the views that a method sees, on the training device."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_data import Normalize, native_images, on_one_grid
from eo_train.views import View, Views
from eo_train.views.geometry import Place


class Prepared:
    """The views of a batch that a method asked for, and their labels where the data set has some.

    No dataclass and no tuple: in half precision Fabric would round every number in one, labels too.

    Attributes:
        views: Tensors (B, C, H, W), normalized and drawn, in the order of the method's `views`.
        labels: Labels of the image behind each view: (B,) classes or (B, K) multi-hot, all zero where unlabelled.
    """

    def __init__(self, views: tuple[Tensor, ...], labels: tuple[Tensor, ...] | None = None) -> None:
        self.views = views
        self.labels = labels


class BadPixelsError(ValueError):
    """A batch holds pixels that are no numbers."""


class Prepare:
    """Chooses the dates, normalizes every image once, and draws the views.

    Args:
        normalize: Stored pixels to normalized floats, of every key of a sample that holds an image.
        views: Draws a view of each image of a batch, by the same keys.
        wanted: The views to be made.
        dates: With images (B, T, C, H, W): how many of the T the views of a sample come from.
        replacement: Draw them with replacement, so that some may be the same.
        sensors: Of each key, for batches that hold images at native resolution (`image_10m`, ...) in its stead: these
            come to the finest of their grids here, on the device.
    """

    def __init__(
        self,
        normalize: Mapping[str, Normalize],
        views: Mapping[str, Views],
        wanted: Sequence[View],
        *,
        dates: int = 1,
        replacement: bool = False,
        sensors: Mapping[str, str] | None = None,
    ) -> None:
        self.sensors = sensors or {}
        self.normalize, self.wanted, self.dates, self.replacement = normalize, tuple(wanted), dates, replacement
        self.augmented = dict(views)
        self.cropped = {key: Views(each.config.cropped_only(), each.size, each.bands) for key, each in views.items()}

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Prepared:
        """A collated batch, its tensors on the training device, as the views wanted."""
        chosen = self._choose(batch, generator)
        images: dict[tuple[str, int], Tensor] = {}  # normalized once, however many views are drawn from it
        places: dict[str, Place] = {}
        drawn = []
        for view in self.wanted:
            source = (view.image, min(view.date, self.dates - 1))
            if source not in images:
                images[source] = self._normalized(batch, *source, chosen)
            drawn.append(self._drawn(view, images[source], places, generator))
        return Prepared(tuple(drawn), self._labels(batch, chosen))

    def _choose(self, batch: Mapping[str, Any], generator: torch.Generator) -> Tensor | None:
        """Indices (dates, B) of the dates drawn; None where an image has no axis of dates."""
        images = next(iter(self._stored(batch, self.wanted[0].image).values()))
        if images.ndim == 4:
            if self.dates > 1:
                refuse_dates(self.dates, 1)
            return None
        return choose_dates(len(images), images.shape[1], self.dates, generator, replacement=self.replacement).to(
            images.device
        )

    def _drawn(self, view: View, image: Tensor, places: dict[str, Place], generator: torch.Generator) -> Tensor:
        views = self.augmented[view.image]
        if view.draw == "whole":
            return whole(image, views.size)
        views = views if view.draw == "augmented" else self.cropped[view.image]
        place, sigma = views.draw(image, generator)
        if view.place is not None:
            place = places.setdefault(view.place, place)
            check_size(view, place, image)
        return views.render(image, place, sigma, generator)

    def _stored(self, batch: Mapping[str, Any], key: str) -> dict[str, Tensor]:
        """The image under a key, or the images at native resolution that stand for it."""
        return {name: batch[name] for name in ([key] if key in batch else self._native(key))}

    def _native(self, key: str) -> dict[str, tuple[str, ...]]:
        return native_images(key, self.sensors[key], self.normalize[key].bands)

    def _labels(self, batch: Mapping[str, Any], chosen: Tensor | None) -> tuple[Tensor, ...] | None:
        """Those of every view; a label (B, T, K) is that of the dates, another that of the whole sample."""
        label: Tensor | None = batch.get("label")
        if label is None:
            return None
        if chosen is None or label.ndim < 3:
            return (label,) * len(self.wanted)
        rows = torch.arange(len(label), device=label.device)
        return tuple(label[rows, chosen[min(view.date, self.dates - 1)]] for view in self.wanted)

    def _normalized(self, batch: Mapping[str, Any], key: str, date: int, chosen: Tensor | None) -> Tensor:
        stored = self._stored(batch, key)
        if chosen is not None:
            rows = torch.arange(chosen.shape[1], device=chosen.device)
            stored = {name: images[rows, chosen[date]] for name, images in stored.items()}
        normalize = self.normalize[key]
        images = stored[key] if key in stored else on_one_grid(stored, self._native(key), normalize.bands)
        normalized: Tensor = normalize(images)
        typical = normalized.abs().mean()
        if not torch.isfinite(typical):
            bad = [i for i, image in enumerate(normalized) if not torch.isfinite(image).all()]
            named = [str(batch["id"][i]) if "id" in batch else f"row {i}" for i in bad]
            where = "" if key == "image" else f" of {key}"
            raise BadPixelsError(
                f"pixels{where} are NaN or infinite in {', '.join(named[:4])}; mend or leave out these images, or pass "
                "bad_pixels=skip to leave out such batches"
            )
        if typical > 100:
            raise ValueError(
                f"normalized pixels should be of the order of 1, got {typical:.0f} on average: these look like raw "
                "ones; set normalization to the steps for this data (`data` takes its own mean and standard deviation)"
            )
        return normalized


def check_size(view: View, place: Place, image: Tensor) -> None:
    """Raises where a place was drawn in an image of another size."""
    sizes = ["x".join(map(str, size)) for size in (place.size, image.shape[2:])]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"views that share one place, got {' and '.join(sizes)} pixels; bring them to one grid in the data set, "
            f"or let {view.image} draw a place of its own"
        )


def choose_dates(
    batch: int, available: int, dates: int, generator: torch.Generator, *, replacement: bool = False
) -> Tensor:
    """Indices (dates, B) of the dates drawn for each sample, all different unless drawn with replacement."""
    if replacement:
        return torch.randint(available, (dates, batch), generator=generator)
    if available < dates:
        refuse_dates(dates, available)
    return torch.rand(batch, available, generator=generator).argsort(dim=1)[:, :dates].T


def settle_dates(asked: int, available: int, *, replacement: bool = False) -> int:
    """How many dates to draw where a method asks for some and the data have others.

    Raises:
        ValueError: It asks for several and there is one.
    """
    if available < min(asked, 2):
        refuse_dates(asked, available)
    return asked if replacement else min(asked, available)


def refuse_dates(asked: int, available: int) -> None:
    """Raises for views from more dates than there are."""
    raise ValueError(
        f"views from {asked} dates want at least 2 an image, got {available}; give the data set more of them, or take "
        "a method whose views come from one date"
    )


def whole(image: Tensor, size: int) -> Tensor:
    """The image itself, resized where it has another size than the view."""
    if image.shape[2:] == (size, size):
        return image
    return F.interpolate(image, (size, size), mode="bilinear", antialias=True)
