"""One model on one task: features of every split once, any number of probes on them, and rows that say how."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from torch.utils.data import Dataset

from eo_eval.batch_norm import adapt_batch_norm
from eo_eval.benchmarks import get_benchmark
from eo_eval.described import described
from eo_eval.features import Features, extract_features
from eo_eval.feed import open_feed
from eo_eval.knn import knn
from eo_eval.linear import linear_probe
from eo_eval.protocol import Protocol, get_protocol
from eo_eval.rows import Row, result_rows
from eo_eval.score import Score, measured_by
from eo_eval.setup import Setup
from eo_eval.subsets import take_fraction
from eo_models import Backbone

DEFAULT_SETUP = Setup()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of one model on one task, with what they were computed from."""

    dataset: str
    split: str
    rows: tuple[Row, ...]
    scores: Mapping[str, Score]
    """By method: `linear`, `knn`."""
    train: Features
    test: Features
    train_set: Dataset[Any]
    test_set: Dataset[Any]


def evaluate(
    model: Backbone,
    benchmark: str,
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    method: str | Sequence[str] = "linear",
    setup: Setup = DEFAULT_SETUP,
    notes: Mapping[str, str | None] | None = None,
) -> Evaluation:
    """Probes a model on a benchmark.

    With `split="test"` the regularisation is chosen on val, with `split="val"` by cross-validation on train; either
    way the probe learns from train alone.

    Args:
        model: Backbone; its bands choose what is read of the images.
        benchmark: A name in `BENCHMARKS`.
        root: Folder of the data.
        split: What is scored; None is the benchmark's own.
        method: `linear`, `knn`, or both; the features are shared.
        setup: Everything else.
        notes: Columns of the rows that only the caller knows: `name`, `weights`, `recipe`, ...
    """
    task = get_benchmark(benchmark)
    split = task.check_split(split)
    choose_on_val = split == "test" and task.has_val and "linear" in _methods(method)
    wanted = ["train", split] + (["val"] if choose_on_val else [])
    sets = {part: task.load(root, part, sensor=model.sensor, bands=model.bands) for part in wanted}
    return evaluate_datasets(
        model,
        sets["train"],
        sets[split],
        sets["val"] if choose_on_val else None,
        dataset=task.name,
        split=split,
        method=method,
        metrics=task.metrics,
        background=task.background,
        setup=setup,
        notes=notes,
    )


def evaluate_datasets(
    model: Backbone,
    train: Dataset[Any],
    test: Dataset[Any],
    val: Dataset[Any] | None = None,
    *,
    dataset: str | None = None,
    split: str | None = None,
    method: str | Sequence[str] = "linear",
    metrics: Sequence[str] = (),
    background: int | None = None,
    setup: Setup = DEFAULT_SETUP,
    notes: Mapping[str, str | None] | None = None,
) -> Evaluation:
    """Probes a model on data sets of one's own: anything that gives dicts with `image` and `label`, TorchGeo's too.

    Args:
        model: Backbone.
        train: What the probe learns from.
        test: What is scored.
        val: Where the linear probe's regularisation is chosen; None: by cross-validation on `train`.
        dataset: Name for the rows; None takes the class of `test`.
        split: Name of the scored split for the rows; None takes what `test` says.
        method: `linear`, `knn`, or both.
        metrics: Names in `eo_eval.metrics.METRICS`, the headline first; none: what fits the labels.
        background: A class that the averages leave out.
        setup: Everything else.
        notes: Columns of the rows that only the caller knows.
    """
    methods, protocol = _methods(method), get_protocol(setup.protocol)
    model = _as_protocol_wants(model, train, protocol, setup)
    fraction_of = take_fraction(
        _features(model, train, setup), setup.fraction, seed=setup.seed, replacement=protocol.replacement
    )
    tested = _features(model, test, setup)
    chosen_on = None if val is None else _features(model, val, setup)
    scores = {name: METHODS[name](fraction_of, tested, chosen_on, protocol, setup) for name in methods}
    if metrics:
        scores = {
            name: measured_by(
                score,
                metrics,
                groups=tested.groups,
                background=background,
                metric_batch=protocol.metric_batch,
                bootstrap=setup.bootstrap,
                seed=setup.seed,
            )
            for name, score in scores.items()
        }
    given = {
        "dataset": dataset or type(_innermost(test)).__name__,
        "split": split or described(test, "split"),
        "protocol": protocol.name,
        "label_fraction": setup.fraction,
        "seed": setup.seed,
        "bootstrap": setup.bootstrap,
        **(notes or {}),
    }
    rows = []
    for name, score in scores.items():
        n_val = len(chosen_on) if chosen_on is not None and name == "linear" else 0
        rows += result_rows(score, train=fraction_of, test=tested, n_val=n_val, given=given)
    return Evaluation(
        dataset=str(given["dataset"]),
        split=str(given["split"]),
        rows=tuple(rows),
        scores=scores,
        train=fraction_of,
        test=tested,
        train_set=train,
        test_set=test,
    )


def _linear(train: Features, test: Features, val: Features | None, protocol: Protocol, setup: Setup) -> Score:
    return linear_probe(
        train,
        test,
        val=val,
        metric_batch=protocol.metric_batch,
        bootstrap=setup.bootstrap,
        seed=setup.seed,
        device=setup.device,
    )


def _knn(train: Features, test: Features, val: Features | None, protocol: Protocol, setup: Setup) -> Score:
    return knn(
        train,
        test,
        k=setup.knn_k,
        metric=setup.knn_metric,
        weighting=setup.knn_weighting,
        metric_batch=protocol.metric_batch,
        bootstrap=setup.bootstrap,
        seed=setup.seed,
        device=setup.device,
    )


METHODS: dict[str, Callable[[Features, Features, Features | None, Protocol, Setup], Score]] = {
    "linear": _linear,
    "knn": _knn,
}


def _methods(method: str | Sequence[str]) -> list[str]:
    names = [method] if isinstance(method, str) else list(method)
    for name in names:
        if name not in METHODS:
            near = get_close_matches(name, METHODS, n=2, cutoff=0.3) or list(METHODS)
            raise ValueError(f"unknown method {name!r}; nearest known: {', '.join(near)}")
    return names


def _features(model: Backbone, dataset: Dataset[Any], setup: Setup) -> Features:
    return extract_features(
        model,
        dataset,
        feature=setup.feature,
        batch_size=setup.batch_size,
        num_workers=setup.num_workers,
        image_size=_image_size(model, setup),
        bands=setup.bands,
        select_bands=setup.select_bands,
        normalization=setup.steps,
        seasons=setup.seasons,
        unlabelled="drop",
        device=setup.device,
    )


def _as_protocol_wants(model: Backbone, train: Dataset[Any], protocol: Protocol, setup: Setup) -> Backbone:
    if protocol.batch_norm == "frozen":
        return model
    feed = open_feed(
        model.to(setup.device) if setup.device else model,
        train,
        batch_size=setup.batch_size,
        num_workers=setup.num_workers,
        image_size=_image_size(model, setup),
        bands=setup.bands,
        select_bands=setup.select_bands,
        normalization=setup.steps,
        seasons=setup.seasons,
    )
    return adapt_batch_norm(model, feed)


def _image_size(model: Backbone, setup: Setup) -> int | None:
    if setup.image_size is not None:
        return setup.image_size
    made_for = getattr(model, "img_size", None)
    return int(made_for) if made_for is not None else None


def _innermost(dataset: object) -> object:
    while hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    return dataset
