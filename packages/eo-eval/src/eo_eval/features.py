"""Frozen features of a data set: read once, normalized once on the device, kept in memory."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from eo_data import Step
from eo_eval.feed import Feed, Seasons, open_feed
from eo_eval.inputs import sides
from eo_eval.tokens import feature_function
from eo_models import Backbone


@dataclass(frozen=True, kw_only=True)
class Features:
    """One row per image (per season, where a sample has several), and how the rows came about."""

    x: Tensor
    """(N, D) float32, on the CPU."""
    y: Tensor | None = None
    """(N,) int64 classes, -1 = unlabelled; (N, K) float32 multi-hot, a row of NaN = unlabelled; None without labels."""
    ids: tuple[str, ...] = ()
    """Name of each row; `<sample id>#<season>` where a sample has seasons. Left out: the row's number."""
    groups: tuple[str, ...] = ()
    """Sample id of each row; rows of one group stay together in folds and resamples. Left out: every row its own."""
    source: Tensor = field(default_factory=lambda: torch.empty(0, 2, dtype=torch.int64))
    """(N, 2) index of the sample in its data set, and season."""
    classes: tuple[str, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able: model, feature, normalization, bands, image_size, ..."""

    def __post_init__(self) -> None:
        if self.x.ndim != 2:
            raise ValueError(f"x must be (N, D), got {tuple(self.x.shape)}")
        object.__setattr__(self, "ids", self.ids or tuple(str(i) for i in range(len(self.x))))
        object.__setattr__(self, "groups", self.groups or self.ids)
        lengths = {"x": len(self.x), "ids": len(self.ids), "groups": len(self.groups)}
        lengths |= {} if self.y is None else {"y": len(self.y)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"all must have one entry per row, got {lengths}")

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Tensor | Sequence[int]) -> "Features":
        """The chosen rows (indices or a bool mask), in the order asked for; a row may be chosen more than once."""
        index = torch.as_tensor(rows)
        index = index.nonzero().flatten() if index.dtype == torch.bool else index
        chosen = index.tolist()
        return replace(
            self,
            x=self.x[index],
            y=None if self.y is None else self.y[index],
            ids=tuple(self.ids[i] for i in chosen),
            groups=tuple(self.groups[i] for i in chosen),
            source=self.source[index] if len(self.source) else self.source,
        )

    @property
    def labelled(self) -> Tensor:
        """(N,) bool: rows that carry a label."""
        if self.y is None:
            return torch.zeros(len(self), dtype=torch.bool)
        return ~self.y.isnan().any(1) if self.y.ndim == 2 else self.y >= 0

    @property
    def split_id(self) -> str:
        """Short hash of the samples' sorted ids: equal for equal splits, in whatever order they were read."""
        return split_id(self.groups)


def split_id(ids: Iterable[str]) -> str:
    """Twelve hexadecimal digits that any change to the set of ids changes."""
    return sha256("\n".join(sorted(set(ids))).encode()).hexdigest()[:12]


def extract_features(
    model: Backbone,
    dataset: Dataset[dict[str, Any]],
    *,
    feature: str = "default",
    batch_size: int = 256,
    num_workers: int = 0,
    image_size: int | None = None,
    bands: Sequence[str] | None = None,
    select_bands: bool = False,
    normalization: Sequence[Step] | None = None,
    seasons: Seasons = "rows",
    unlabelled: Literal["keep", "drop"] = "keep",
    device: str | torch.device | None = None,
) -> Features:
    """Features of every image of a data set, by a frozen model in evaluation mode.

    Args:
        model: Backbone; its training mode is as it was afterwards.
        dataset: Any map-style data set of dicts with `image`, (C, H, W) or (T, C, H, W), of any dtype, and if it has
            them `label`, `labelled` and `id`. For a model of two sensors with `s1` and `s2`.
        feature: `default`, `cls`, `patch_mean` or `cls_last4`; see `feature_function`.
        batch_size: Images per forward pass.
        num_workers: Processes that read; 0 reads in this one.
        image_size: Images are resized to this many pixels a side (bilinear, antialiased, after normalization); None
            leaves them as stored.
        bands: Names of the data's channels in order, for a data set that does not say them in `.bands`.
        select_bands: Pick and reorder channels by name; otherwise any difference is refused.
        normalization: Steps from stored pixels to the model's input. None takes the model's own, and failing that the
            ones that the data set recommends.
        seasons: Of samples with a season axis, `rows` makes each season a row, `first` takes season 0 alone.
        unlabelled: `keep` marks rows without a label (NaN or -1), `drop` leaves them out and counts them in `facts`.
        device: Where the model is moved to, and runs; None leaves it where it is.

    Raises:
        ValueError: Bands that do not match, no normalization known, an unknown feature, features that are not finite.
    """
    model.to(device)
    feed = open_feed(
        model,
        dataset,
        batch_size=batch_size,
        num_workers=num_workers,
        image_size=image_size,
        bands=bands,
        select_bands=select_bands,
        normalization=normalization,
        seasons=seasons,
    )
    take = feature_function(model, feature)
    began = time.perf_counter()
    rows, labels = [], []
    with frozen(model):
        for batch in feed:
            rows.append((take(batch.images).float().cpu(), batch.ids, batch.groups, batch.source))
            labels += [] if batch.y is None else [batch.y]
    if not rows:
        raise ValueError(f"{type(dataset).__name__} is empty: there is nothing to extract features from")
    x, ids, groups, source = zip(*rows, strict=True)
    seconds = time.perf_counter() - began
    features = Features(
        x=torch.cat(x),
        y=torch.cat(labels) if labels else None,
        ids=tuple(name for names in ids for name in names),
        groups=tuple(name for names in groups for name in names),
        source=torch.cat(source),
        classes=feed.classes,
        facts=facts_of(model, feed, batch.images)
        | {"feature": feature, "images_per_s": round(sum(map(len, x)) / seconds, 1)},
    )
    _refuse_infinite(features)
    return drop_unlabelled(features) if unlabelled == "drop" else features


def drop_unlabelled(features: Features) -> Features:
    """The labelled rows; how many were left out stands in `facts`."""
    known = features.labelled
    if features.y is None or known.all():
        return features
    return replace(features[known], facts={**features.facts, "unlabelled_left_out": int((~known).sum())})


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients; every module's own mode is restored afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def facts_of(model: Backbone, feed: Feed, images: Tensor | dict[str, Tensor]) -> dict[str, Any]:
    """How images came into a model, JSON-able."""
    height, width = (next(iter(images.values())) if isinstance(images, dict) else images).shape[-2:]
    of = sides(model)
    return {
        "model": model.name,
        "bands": _by_image({each.key: list(of[each.key].bands) for each in feed.inputs}),
        "sensor": _by_image({each.key: of[each.key].sensor for each in feed.inputs}),
        "data_bands": _by_image({each.key: list(each.data_bands) for each in feed.inputs}),
        "data_sensor": _by_image({each.key: each.data_sensor for each in feed.inputs}),
        "normalization": _by_image({each.key: each.normalize.steps for each in feed.inputs}),
        "normalization_from": feed.inputs[0].normalization_from,
        "adaptation": dict(model.adaptation),
        "image_size": height if height == width else [height, width],
        "interpolation": None if feed.inputs[0].image_size is None else "bilinear",
        "seasons": feed.seasons,
    }


def _by_image(facts: dict[str, Any]) -> Any:
    """A fact of the one image; of two sensors a mapping by their keys."""
    return facts.get("image", facts)


def _refuse_infinite(features: Features) -> None:
    wrong = (~features.x.isfinite().all(1)).nonzero().flatten().tolist()
    if wrong:
        names = ", ".join(features.ids[i] for i in wrong[:3])
        raise ValueError(
            f"{len(wrong)} of {len(features)} features are not finite, first: {names}; "
            "look at the pixels of these samples and at the normalization"
        )
