"""The data of a run, with the facts that its backbone will carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch.utils.data import Dataset

from eo_data import compute_statistics, normalization_for, standardize_by
from eo_data.compute import Samples
from eo_train.config import DATASETS, PretrainConfig, Steps, build


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set of dicts with an `image`, and what its pixels are."""

    dataset: Dataset[Any]
    bands: tuple[str, ...]
    """Names in channel order."""
    sensor: str
    """Whose bands these are."""
    units: tuple[str, ...]
    """Of the stored pixels, one per band; empty when nobody has said."""
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
    bands, sensor = bands or getattr(dataset, "bands", None), sensor or getattr(dataset, "sensor", None)
    if not bands or not sensor:
        raise ValueError(
            f"{type(dataset).__name__} does not tell its bands and sensor; pass bands=[...] and sensor=..."
        )
    units = tuple(units) or tuple(getattr(dataset, "units", ()))
    return Source(dataset=dataset, bands=tuple(bands), sensor=sensor, units=units, described=described)


def choose_normalization(choice: str | Steps, source: Source) -> Steps:
    """The steps that a configuration asks for."""
    if not isinstance(choice, str):
        return choice
    recommended: Steps | None = getattr(source.dataset, "normalization", None)
    if choice == "auto" and recommended:
        return recommended
    if choice in ("auto", "data"):
        return standardize_by(compute_statistics(cast(Samples, source.dataset), bands=source.bands))
    return normalization_for(choice)
