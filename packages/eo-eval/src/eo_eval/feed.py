"""From a data set's samples to rows that a frozen model takes: the one place where evaluation reads images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from eo_data import Normalize, Step
from eo_eval.described import channel_order, data_bands, described
from eo_models import Backbone

Seasons = Literal["rows", "first"]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows ready for the model."""

    images: Tensor
    """(N, C, H, W) float32, normalized, channels-last, on the device."""
    y: Tensor | None
    """(N,) int64 or (N, K) float32, unlabelled rows -1 or NaN."""
    ids: list[str]
    groups: list[str]
    """Sample id of each row."""
    source: Tensor
    """(N, 2) index of the sample, season."""


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Batches of a data set, normalized once and on the device, seasons as rows."""

    dataset: Dataset[dict[str, Any]]
    data_bands: tuple[str, ...]
    """Canonical names of the data's channels."""
    order: list[int] | None
    """Which channel of the data goes into each channel of the model; None when they agree."""
    normalize: Normalize
    normalization_from: str
    """Who said how to normalize: `argument`, `model` or `dataset`."""
    image_size: int | None
    batch_size: int
    num_workers: int
    seasons: Seasons
    device: torch.device

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Class names in label order, if the data set says them."""
        names = described(self.dataset, "classes")
        return None if names is None else tuple(names)

    def __iter__(self) -> Iterator[Batch]:
        loader = DataLoader(
            _Needed(self.dataset),
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            collate_fn=_collate,
            pin_memory=self.device.type == "cuda",
        )
        console = Console(stderr=True)
        for raw in track(loader, "features", console=console, disable=not console.is_terminal, transient=True):
            yield from self._batches(raw)

    def _batches(self, raw: dict[str, Any]) -> Iterator[Batch]:
        """Seasons multiply the rows of a batch, so it is cut again to the size asked for."""
        images: Tensor = raw["image"]
        with_seasons = images.ndim == 5
        if with_seasons and self.seasons == "first":
            images = images[:, :1]
        times = images.shape[1] if with_seasons else 1
        images = images.flatten(0, 1) if with_seasons else images
        y = _labels(raw, times, with_seasons)
        ids = [f"{name}#{t}" if with_seasons else name for name in raw["id"] for t in range(times)]
        groups = [name for name in raw["id"] for _ in range(times)]
        source = torch.cartesian_prod(torch.tensor(raw["index"]), torch.arange(times))
        for start in range(0, len(images), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield Batch(
                images=self._model_input(images[rows]),
                y=None if y is None else y[rows],
                ids=ids[rows],
                groups=groups[rows],
                source=source[rows],
            )

    def _model_input(self, images: Tensor) -> Tensor:
        if images.shape[-3] != len(self.data_bands):
            raise ValueError(
                f"the images have {images.shape[-3]} channels, their bands are said to be {' '.join(self.data_bands)}"
            )
        if self.order is not None:
            images = torch.stack([images[:, i] for i in self.order], dim=1)
        x: Tensor = self.normalize(images.to(self.device, non_blocking=True))
        if self.image_size is not None and x.shape[-2:] != (self.image_size, self.image_size):
            x = F.interpolate(x, size=(self.image_size, self.image_size), mode="bilinear", antialias=True)
        return x.contiguous(memory_format=torch.channels_last)


def open_feed(
    model: Backbone,
    dataset: Dataset[dict[str, Any]],
    *,
    batch_size: int,
    num_workers: int,
    image_size: int | None,
    bands: Sequence[str] | None,
    select_bands: bool,
    normalization: Sequence[Step] | None,
    seasons: Seasons,
) -> Feed:
    """The feed that suits a model; arguments as for `eo_eval.extract_features`."""
    device = next(model.parameters()).device
    have = data_bands(model, dataset, bands)
    steps, said_by = choose_normalization(model, dataset, normalization)
    return Feed(
        dataset=dataset,
        data_bands=have,
        order=channel_order(model, have, select=select_bands),
        normalize=Normalize(steps, model.bands).to(device),
        normalization_from=said_by,
        image_size=image_size,
        batch_size=batch_size,
        num_workers=num_workers,
        seasons=seasons,
        device=device,
    )


def choose_normalization(
    model: Backbone, dataset: object, asked: Sequence[Step] | None = None
) -> tuple[list[Step], Literal["argument", "model", "dataset"]]:
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


class _Needed(Dataset[dict[str, Any]]):
    """Of each sample only what features need, so that whatever else is in it need not collate."""

    def __init__(self, dataset: Dataset[dict[str, Any]]) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]  # torch leaves it out; every map-style data set has it

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = self.dataset[index]
        if "image" not in sample:
            raise ValueError(f"sample {index} has no 'image', only {', '.join(map(str, sample))}")
        tensors = {key: torch.as_tensor(sample[key]) for key in ("image", "label", "labelled") if key in sample}
        return tensors | {"id": str(sample.get("id", index)), "index": index}


def _collate(samples: list[dict[str, Any]]) -> dict[str, Any]:
    first = samples[0]
    for sample in samples:
        if sample["image"].shape != first["image"].shape:
            raise ValueError(
                f"images of one data set must have one shape: {first['id']} has {tuple(first['image'].shape)}, "
                f"{sample['id']} has {tuple(sample['image'].shape)}; crop or resize them in its transform"
            )
    values = {key: [sample[key] for sample in samples] for key in first}
    return {key: torch.stack(of) if isinstance(of[0], Tensor) else of for key, of in values.items()}


def _labels(raw: dict[str, Any], times: int, with_seasons: bool) -> Tensor | None:
    """Labels of the rows, (N,) int64 or (N, K) float32; unlabelled rows are -1 or NaN."""
    if "label" not in raw:
        return None
    label: Tensor = raw["label"]
    by_season = with_seasons and (label.ndim == 3 or (label.ndim == 2 and not label.is_floating_point()))
    if with_seasons:
        label = label[:, :times].flatten(0, 1) if by_season else label.repeat_interleave(times, dim=0)
    if label.ndim > 2 or (label.ndim == 1 and label.is_floating_point()):
        raise ValueError(
            "label must be a class (integer) or multi-hot (K,), for each image or each season; "
            f"got {raw['label'].dtype} {tuple(raw['label'].shape[1:])} for images {tuple(raw['image'].shape[1:])}"
        )
    label = label.long() if label.ndim == 1 else label.float()
    if "labelled" not in raw:
        return label
    labelled: Tensor = raw["labelled"]
    known = labelled[:, :times].flatten() if labelled.ndim == 2 else labelled.repeat_interleave(times)
    return label.masked_fill(~known, -1) if label.ndim == 1 else label.masked_fill(~known[:, None], torch.nan)
