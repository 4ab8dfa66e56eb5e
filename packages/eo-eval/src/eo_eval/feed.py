"""From a data set's samples to rows that a frozen model takes: the one place where evaluation reads images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from eo_data import Step
from eo_eval.described import described
from eo_eval.inputs import Input, open_inputs
from eo_models import Backbone

Seasons = Literal["rows", "first"]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows ready for the model."""

    images: Tensor | dict[str, Tensor]
    """(N, C, H, W) float32, normalized, channels-last, on the device; for two sensors one such under `s1` and `s2`."""
    y: Tensor | None
    """(N,) int64 or (N, K) float32, unlabelled rows -1 or NaN; of masks (N, H, W) int64."""
    ids: list[str]
    groups: list[str]
    """Sample id of each row."""
    source: Tensor
    """(N, 2) index of the sample, season."""
    noted: list[dict[str, Any]]
    """Of each row's sample what `Feed.noted` names and it has, as it gives it."""


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Batches of a data set, normalized once and on the device, seasons as rows."""

    dataset: Dataset[dict[str, Any]]
    inputs: tuple[Input, ...]
    """One per image that the model takes of a sample."""
    batch_size: int
    num_workers: int
    seasons: Seasons
    device: torch.device
    target: Literal["label", "mask"] = "label"
    """What stands in `y`."""
    noted: tuple[str, ...] = ()
    """Other keys of the samples, to be handed on."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Class names in label order, if the data set says them."""
        names = described(self.dataset, "classes")
        return None if names is None else tuple(names)

    def __iter__(self) -> Iterator[Batch]:
        loader = DataLoader(
            _Needed(self.dataset, self.inputs, self.target, self.noted),
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
        images: dict[str, Tensor] = {each.key: raw[each.key] for each in self.inputs}
        first = next(iter(images.values()))
        with_seasons = first.ndim == 5
        times = (first.shape[1] if self.seasons == "rows" else 1) if with_seasons else 1
        if with_seasons:
            images = {key: of[:, :times].flatten(0, 1) for key, of in images.items()}
        count = len(next(iter(images.values())))
        y = raw["mask"] if self.target == "mask" else _labels(raw, times, with_seasons)
        ids = [f"{name}#{t}" if with_seasons else name for name in raw["id"] for t in range(times)]
        groups = [name for name in raw["id"] for _ in range(times)]
        source = torch.cartesian_prod(torch.tensor(raw["index"]), torch.arange(times))
        noted = [each for each in raw["noted"] for _ in range(times)]
        for start in range(0, count, self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield Batch(
                images=self._model_input({key: of[rows] for key, of in images.items()}),
                y=None if y is None else y[rows],
                ids=ids[rows],
                groups=groups[rows],
                source=source[rows],
                noted=noted[rows],
            )

    def _model_input(self, images: dict[str, Tensor]) -> Tensor | dict[str, Tensor]:
        made = {each.key: each(images[each.key], self.device) for each in self.inputs}
        return made.get("image", made)


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
    target: Literal["label", "mask"] = "label",
    noted: tuple[str, ...] = (),
) -> Feed:
    """The feed that suits a model; arguments as for `eo_eval.extract_features`."""
    inputs = open_inputs(
        model,
        dataset,
        image_size=image_size,
        bands=bands,
        select_bands=select_bands,
        normalization=normalization,
    )
    return Feed(
        dataset=dataset,
        inputs=inputs,
        batch_size=batch_size,
        num_workers=num_workers,
        seasons=seasons,
        device=next(model.parameters()).device,
        target=target,
        noted=noted,
    )


class _Needed(Dataset[dict[str, Any]]):
    """Of each sample only what features need, so that whatever else is in it need not collate."""

    def __init__(
        self, dataset: Dataset[dict[str, Any]], inputs: tuple[Input, ...], target: str, noted: tuple[str, ...]
    ) -> None:
        self.dataset, self.inputs, self.noted = dataset, inputs, noted
        self.images = images = tuple(each.key for each in inputs)
        self.demanded = (*images, "mask") if target == "mask" else images

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]  # torch leaves it out; every map-style data set has it

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = self.dataset[index]
        for each in self.inputs:
            if each.key not in sample:
                sample = {**sample, **each.from_native(sample)}
        for key in self.demanded:
            if key not in sample:
                raise ValueError(f"sample {index} has no {key!r}, only {', '.join(map(str, sample))}")
        wanted = self.demanded if "mask" in self.demanded else (*self.images, "label", "labelled")
        tensors = {key: torch.as_tensor(sample[key]) for key in wanted if key in sample}
        noted = {key: sample[key] for key in self.noted if key in sample}
        return tensors | {"id": str(sample.get("id", index)), "index": index, "noted": noted}


def _collate(samples: list[dict[str, Any]]) -> dict[str, Any]:
    first = samples[0]
    for key in [key for key in first if key not in ("label", "labelled", "id", "index", "noted")]:
        for sample in samples:
            if sample[key].shape != first[key].shape:
                raise ValueError(
                    f"images of one data set must have one shape: {first['id']} has {tuple(first[key].shape)}, "
                    f"{sample['id']} has {tuple(sample[key].shape)}; crop or resize them in its transform"
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
            f"got {raw['label'].dtype} {tuple(raw['label'].shape[1:])} for each image"
        )
    label = label.long() if label.ndim == 1 else label.float()
    if "labelled" not in raw:
        return label
    labelled: Tensor = raw["labelled"]
    known = labelled[:, :times].flatten() if labelled.ndim == 2 else labelled.repeat_interleave(times)
    return label.masked_fill(~known, -1) if label.ndim == 1 else label.masked_fill(~known[:, None], torch.nan)
