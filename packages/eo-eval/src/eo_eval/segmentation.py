"""Maps that a model draws, against the true ones: counted over the whole set, and some of them to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from eo_data import Step
from eo_eval.confusion import OF_MAPS, batch_mean_recall, confusion
from eo_eval.features import facts_of, frozen
from eo_eval.feed import open_feed
from eo_eval.metrics import Estimate
from eo_eval.thumbnails import thumbnails
from eo_models import Backbone

SHOWN = 8
SIDE = 128
"""Pixels along each side of a map that is shown."""


class Segmenter(Protocol):
    """A network that draws maps, such as `eo_models.build_model` makes."""

    backbone: Backbone

    def __call__(self, x: Any, /) -> Tensor:
        """Raw class scores of every pixel, (B, K, H, W)."""


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """What a model drew of a data set."""

    counts: Tensor
    """Confusion matrix of each image, (N, K, K) int64: true class by predicted class, pixels."""
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    shown: tuple[str, ...]
    """Of these images there are pictures."""
    pictures: Tensor
    """(M, 3, S, S) uint8."""
    truth: Tensor
    """(M, S, S) uint8, 255 where there is no class."""
    predicted: Tensor
    """(M, S, S) uint8."""
    facts: Mapping[str, Any]
    """As of `Features`."""


@torch.no_grad()
def segment(
    model: Any,
    dataset: Dataset[dict[str, Any]],
    *,
    batch_size: int = 16,
    num_workers: int = 0,
    select_bands: bool = False,
    normalization: Sequence[Step] | None = None,
    shown: int = SHOWN,
) -> Segmentation:
    """Draws the map of every image and counts where it is right.

    Args:
        model: A `Segmenter` in any mode; it runs in evaluation mode, where it is.
        dataset: Gives dicts with `image`, or `s1` and `s2`, and `mask` (H, W) int64, 255 where there is no class.
        batch_size: Images of a forward pass.
        num_workers: Processes that read.
        select_bands: Pick and reorder channels by name.
        normalization: As for `extract_features`.
        shown: Of how many images to keep pictures, spread evenly over the set.

    Raises:
        ValueError: Samples without `mask`, masks of another size than the maps, classes out of range.
    """
    feed = open_feed(
        model.backbone,
        dataset,
        batch_size=batch_size,
        num_workers=num_workers,
        image_size=None,
        bands=None,
        select_bands=select_bands,
        normalization=normalization,
        seasons="first",
        target="mask",
    )
    total = len(dataset)  # type: ignore[arg-type]  # map-style data sets have a length
    if total == 0:
        raise ValueError(f"{type(dataset).__name__} is empty: there is nothing to draw maps of")
    look_at = {round(i * (total - 1) / max(1, shown - 1)) for i in range(min(shown, total))}
    counts, ids, maps = list[Tensor](), list[str](), list[tuple[str, Tensor, Tensor, int]]()
    with frozen(model):
        for batch in feed:
            assert batch.y is not None
            logits = model(batch.images)
            predicted = logits.argmax(1).cpu()
            for row, (name, index) in enumerate(zip(batch.ids, batch.source[:, 0].tolist(), strict=True)):
                counts.append(confusion(predicted[row], batch.y[row], logits.shape[1]))
                ids.append(name)
                if index in look_at:
                    maps.append((name, batch.y[row], predicted[row], index))
    source = torch.tensor([[index, 0] for *_, index in maps])
    bands = feed.inputs[-1].data_bands
    return Segmentation(
        counts=torch.stack(counts),
        ids=tuple(ids),
        classes=feed.classes or tuple(map(str, range(logits.shape[1]))),
        shown=tuple(name for name, *_ in maps),
        pictures=thumbnails(dataset, source, bands=bands, side=SIDE, alike=False),
        truth=torch.stack([_small(truth) for _, truth, _, _ in maps]),
        predicted=torch.stack([_small(said) for _, _, said, _ in maps]),
        facts=facts_of(model.backbone, feed, batch.images),
    )


def measure_maps(
    found: Segmentation, *, batch: int | None = None, bootstrap: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """Metrics of the whole set with their 95 % intervals, for which images are drawn again and again.

    With `batch` the average accuracy is the mean of the means over batches of so many images, as SSLTransformerRS
    prints it: NaN as soon as a batch lacks a class.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(found.counts), (bootstrap, len(found.counts)), generator=generator)
    times = torch.stack([row.bincount(minlength=len(found.counts)) for row in drawn]).double()
    totals = torch.einsum("rn,nij->rij", times, found.counts.double())
    whole = found.counts.sum(0)
    measured = {name: _interval(metric(whole), [metric(of) for of in totals]) for name, metric in OF_MAPS.items()}
    if batch is not None:
        parts = [found.counts[start : start + batch].sum(0) for start in range(0, len(found.counts), batch)]
        average = batch_mean_recall(parts)[1]
        measured["average_accuracy"] = Estimate(average, float("nan"), float("nan"))
    return measured


def _interval(value: float, drawn: Sequence[float]) -> Estimate:
    quantiles = torch.nanquantile(torch.tensor(drawn, dtype=torch.float64), torch.tensor([0.025, 0.975]).double())
    return Estimate(value, *quantiles.tolist())


def _small(classes: Tensor) -> Tensor:
    """(H, W) to (S, S) uint8, by nearest neighbours."""
    return F.interpolate(classes[None, None].float(), size=(SIDE, SIDE), mode="nearest")[0, 0].to(torch.uint8)
