"""The data of a run, with the facts that its backbone will carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch.utils.data import Dataset

from eo_data import Statistics, compute_statistics, native_images, normalization_for, standardize_by
from eo_data.compute import Samples
from eo_train.config import DATASETS, PretrainConfig, Steps, build

Normalization = str | Steps


@dataclass(frozen=True, kw_only=True)
class Images:
    """What the pixels under one key of a data set's samples are."""

    bands: tuple[str, ...]
    """Names in channel order."""
    sensor: str
    """Whose bands these are."""
    units: tuple[str, ...] = ()
    """Of the stored pixels, one per band; empty when nobody has said."""
    normalization: Steps | None = None
    """What the data set recommends; None when it recommends nothing."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set of dicts with an `image`, or with `s1` and `s2`, and what its pixels are."""

    dataset: Dataset[Any]
    images: dict[str, Images]
    """By the keys of its samples."""
    described: dict[str, Any]
    """For the run's `config.yaml`."""


def open_source(
    config: PretrainConfig,
    dataset: Dataset[Any] | None,
    *,
    bands: Sequence[str] | None = None,
    sensor: str | None = None,
    units: Sequence[str] = (),
) -> Source:
    """The data set that the configuration names, or the one given, which must then tell its bands or be told."""
    if (dataset is None) == (not config.data):
        raise ValueError(
            "name a data set in config.data ({'name': 'eurosat', 'root': ...}), or pass one: just one of them"
        )
    if dataset is None:
        dataset, described = build(config.data, DATASETS), dict(config.data)
    else:
        described = {"given": type(dataset).__name__}
    if bands is None and len(getattr(dataset, "parts", ())) > 1:
        return Source(dataset=dataset, images=parts_of(dataset), described=described)
    bands, sensor = bands or getattr(dataset, "bands", None), sensor or getattr(dataset, "sensor", None)
    if not bands or not sensor:
        raise ValueError(
            f"{type(dataset).__name__} does not tell its bands and sensor; pass bands=[...] and sensor=..."
        )
    image = Images(
        bands=tuple(bands),
        sensor=sensor,
        units=tuple(units) or tuple(getattr(dataset, "units", ())),
        normalization=getattr(dataset, "normalization", None),
    )
    return Source(dataset=dataset, images={"image": image}, described=described)


def parts_of(dataset: Any) -> dict[str, Images]:
    """What a data set of two sensors tells of each."""
    if set(dataset.parts) != {"s1", "s2"}:
        raise ValueError(
            f"{type(dataset).__name__} gives {' and '.join(dataset.parts)}; a run takes an `image`, or `s1` and `s2`"
        )
    return {
        key: Images(bands=part.bands, sensor=part.sensor, units=part.units, normalization=part.normalization)
        for key, part in dataset.parts.items()
    }


def statistics_of(source: Source, key: str) -> Statistics:
    """Mean and standard deviation of the images under a key, or of those at native resolution that stand for it."""
    samples, image = cast(Samples, source.dataset), source.images[key]
    if key in samples[0]:
        return compute_statistics(samples, key=key, bands=image.bands)
    found: Statistics = {"mean": {}, "std": {}}
    for name, bands in native_images(key, image.sensor, image.bands).items():
        of_group = compute_statistics(samples, key=name, bands=bands)
        found = {"mean": found["mean"] | of_group["mean"], "std": found["std"] | of_group["std"]}
    return found


def choose_normalization(choice: Normalization | Mapping[str, Normalization], source: Source, key: str) -> Steps:
    """The steps that a configuration asks for, for the images under a key."""
    if isinstance(choice, Mapping):
        if key not in choice:
            raise ValueError(f"normalization names {', '.join(choice)}, and not {key}; give it steps or a name too")
        choice = choice[key]
    if not isinstance(choice, str):
        return choice
    image = source.images[key]
    if choice == "auto" and image.normalization:
        return image.normalization
    if choice in ("auto", "data"):
        return standardize_by(statistics_of(source, key))
    return normalization_for(choice)
