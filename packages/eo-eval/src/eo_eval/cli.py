"""The command `eo-eval`."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentError, ArgumentParser, set_parsing_settings
from rich.console import Console
from rich.table import Table

from eo_data import Step, normalization_for
from eo_eval.benchmarks import BENCHMARKS, Benchmark, all_bands, by_sensor, get_benchmark
from eo_eval.evaluate import Evaluation, evaluate
from eo_eval.extract import extract
from eo_eval.report import write_report
from eo_eval.report.scores import method_words
from eo_eval.rows import Row, add_rows
from eo_eval.setup import Setup
from eo_eval.store import FOLDER, save, save_rows
from eo_eval.transfer import transfer
from eo_eval.transfer_setup import TransferSetup
from eo_eval.transfer_tasks import TRANSFERS
from eo_models import Backbone, create_model, get_weights, is_path, is_weights, list_models
from eo_train import EngineConfig
from eo_train.config import DATASETS, build
from eo_train.loader import message_of

USAGE = """usage: eo-eval benchmarks
       eo-eval linear|knn MODEL_OR_RUN --benchmark NAME --root DIR [--split val|test] [--fraction 0.1]
                          [--protocol recommended|published] [--json FILE] [--random] [--seed N]
       eo-eval extract MODEL_OR_RUN --data.name NAME --data.root DIR --output FILE.parquet
       eo-eval finetune MODEL_OR_RUN --benchmark NAME --root DIR --output RUN [--protocol recommended|published] [...]
       eo-eval report RUN_OR_JSON ... [--output report.html]

MODEL_OR_RUN is the folder of a run, the name of published weights (`eo-models list`), which are downloaded, or with
--random the name of an architecture.
`eo-eval linear --help` lists everything that can be chosen.
"""
NOT_HERE = {"bands", "select_bands"}  # a benchmark reads the model's bands by name
OF_KNN = {"knn_k", "knn_metric", "knn_weighting"}

set_parsing_settings(docstring_parse_attribute_docstrings=True)  # the help of an option is what its field says


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 2 for what the user can mend."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["benchmarks"]:
            return show_benchmarks()
        if words[:1] == ["report"]:
            return make_report(words[1:])
        if words[:1] == ["extract"]:
            return write_embeddings(words[1:])
        if words[:1] in (["linear"], ["knn"]):
            return probe(words[0], words[1:])
        if words[:1] == ["finetune"]:
            return tune(words[1:])
    except (ValueError, OSError, ImportError, ArgumentError) as error:
        print(f"eo-eval: {' '.join(message_of(error).split())}", file=sys.stderr)
        return 2
    print(USAGE, end="")
    return 0 if set(words) & {"-h", "--help"} else 2


def show_benchmarks() -> int:
    """Prints what can be scored."""
    table = Table("benchmark", "splits", "headline", "sensors", "what it is", box=None, padding=(0, 2, 0, 0))
    for name, task in BENCHMARKS.items():
        table.add_row(name, ", ".join(task.splits), task.metric, ", ".join(task.sensors), task.about)
    for name, tuned in TRANSFERS.items():
        table.add_row(name, ", ".join(tuned.splits[1:]), tuned.metric, tuned.sensor, tuned.about)
    Console().print(table)
    return 0


def tune(words: Sequence[str]) -> int:
    """Fine-tunes a model on a benchmark, prints the rows and keeps them beside the run that this makes."""
    parser = ArgumentParser(
        prog="eo-eval finetune",
        description="A head, or a whole model, trained.",
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser.add_argument("model", type=str, help="folder of a run, published weights, or with --random an architecture")
    parser.add_argument("--benchmark", type=str, required=True, help=f"one of {', '.join(TRANSFERS)}")
    parser.add_argument("--root", type=str, required=True, help="folder of the benchmark's data")
    parser.add_argument("--output", type=str, required=True, help="run directory of the fine-tuning, to be made")
    parser.add_argument("--split", type=str | None, default=None, help="what is scored; default: the protocol's")
    parser.add_argument("--json", type=str | None, default=None, help="file of result rows to add to")
    parser.add_argument("--random", action="store_true", help="random weights; of a run: the baseline to it")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --output")
    parser.add_argument(
        "--data", type=dict[str, Any], default={}, help="more arguments of the data set, such as {labels: DIR}"
    )
    parser.add_class_arguments(TransferSetup, instantiate=False)
    given = parser.parse_args(list(words)).as_dict()
    setup = TransferSetup(
        **{each.name: given[each.name] for each in fields(TransferSetup) if each.name != "engine"},
        engine=EngineConfig(**given["engine"]),
    )
    found = transfer(
        given["model"],
        given["benchmark"],
        given["root"],
        output=given["output"],
        split=given["split"],
        random=given["random"],
        setup=setup,
        data=given["data"],
        resume=given["resume"],
    )
    show_rows(found.rows)
    row = found.rows[0]
    beside = found.folder / FOLDER / f"{row['dataset']}-{row['split']}-{row['method']}.json"
    for path in [beside, *([Path(given["json"])] if given["json"] else [])]:
        add_rows(path, found.rows)
        print(path)
    found.save_answers()
    print(write_report(found.folder))
    return 0


def make_report(words: Sequence[str]) -> int:
    """Writes the page about runs and files of rows."""
    about = "One self-contained page about one run or several."
    parser = ArgumentParser(prog="eo-eval report", description=about, exit_on_error=False)
    parser.add_argument("runs", type=str, nargs="+", help="run directories, and JSON files of rows to set beside them")
    parser.add_argument("--output", type=str | None, default=None, help="HTML file; default: RUN/report.html")
    given = parser.parse_args(list(words)).as_dict()
    print(write_report(given["runs"], given["output"]))
    return 0


def write_embeddings(words: Sequence[str]) -> int:
    """Writes the embeddings of a data set as GeoParquet; run again, it goes on where it stopped."""
    given = extract_parser(words).parse_args(list(words)).as_dict()
    dataset: Any = build(given.pop("data"), DATASETS)
    name, random, seed = given.pop("model"), given.pop("random"), given.pop("seed")
    model = load_for(name, dataset, random=random, seed=seed)
    steps = given.pop("normalization")
    recipe = notes_on(name, random=random).get("recipe") or ""
    print(
        extract(
            model,
            dataset,
            given.pop("output"),
            recipe=recipe,
            normalization=normalization_for(steps) if isinstance(steps, str) else steps,
            **given,
        )
    )
    return 0


def extract_parser(words: Sequence[str]) -> ArgumentParser:
    """The options of `eo-eval extract`, those of the data set that the words name among them."""
    about = "Embeddings of a data set as GeoParquet, in constant memory; run again, it goes on where it stopped."
    parser = ArgumentParser(prog="eo-eval extract", description=about, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("model", type=str, help="folder of a run, published name, or with --random an architecture")
    parser.add_argument("--data.name", type=str, required=True, help=f"one of {', '.join(DATASETS)}")
    named = " ".join(words).replace("=", " ").split()
    name = dict(pairwise(named)).get("--data.name")
    if name in DATASETS:
        parser.add_class_arguments(DATASETS[name], "data", skip={"transform"}, instantiate=False)
    parser.add_argument("--output", type=str, required=True, help="the file to write")
    parser.add_argument("--random", action="store_true", help="random weights")
    parser.add_argument("--seed", type=int, default=0, help="of random weights")
    parser.add_argument(
        "--normalization", type=str | list[Step] | None, default=None, help="steps, or the name of some"
    )
    own: set[str | int] = {"model", "dataset", "output", "recipe", "normalization", "bands"}
    parser.add_function_arguments(extract, skip=own)
    parser.set_defaults(
        device="cuda" if torch.cuda.is_available() else "cpu", num_workers=min(8, (os.cpu_count() or 1) - 1)
    )
    return parser


def load_for(name: str, dataset: Any, *, random: bool, seed: int) -> Backbone:
    """The backbone of a run, published weights by name, or with `random` an architecture for the data's bands."""
    if random:
        torch.manual_seed(seed)
        return create_model(name, bands=dataset.bands, sensor=dataset.sensor)
    if is_path(name) and not Path(name).is_dir():
        raise FileNotFoundError(f"no run directory at {name}")
    if not is_path(name) and "." not in name:
        raise ValueError(f"{name} is an architecture, which has no weights of its own; name a run, or pass --random")
    return create_model(name, pretrained=not is_path(name))


def probe(method: str, words: Sequence[str]) -> int:
    """Scores a model, prints the rows and keeps them where asked, or beside the run."""
    given = build_parser(method).parse_args(list(words)).as_dict()
    task = get_benchmark(given["benchmark"])
    split = task.check_split(given["split"])
    name, random = given["model"], given["random"]
    setup = Setup(**{each.name: given[each.name] for each in fields(Setup) if each.name in given})
    model = load_model(name, task, random=random, sensor=given["sensor"], seed=setup.seed)
    notes = notes_on(name, random=random)
    found = evaluate(model, task.name, given["root"], split=split, method=method, setup=setup, notes=notes)
    show_rows(found.rows)
    keep(found, name, random=random, json=given["json"], seed=setup.seed)
    return 0


def build_parser(method: str) -> ArgumentParser:
    """The options of `eo-eval linear` and `eo-eval knn`."""
    about = {"linear": "Logistic regression on frozen features.", "knn": "Nearest neighbours on frozen features."}
    parser = ArgumentParser(
        prog=f"eo-eval {method}", description=about[method], allow_abbrev=False, exit_on_error=False
    )
    parser.add_argument("model", type=str, help="folder of a run, or name of published weights")
    parser.add_argument("--benchmark", type=str, required=True, help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--root", type=str, required=True, help="folder of the benchmark's data")
    parser.add_argument("--split", type=str | None, default=None, help="what is scored: val or test")
    parser.add_argument("--json", type=str | None, default=None, help="file of result rows to add to")
    parser.add_argument("--random", action="store_true", help="random weights; of a run: the baseline to it")
    parser.add_argument("--sensor", type=str | None, default=None, help="whose bands an architecture is to take")
    parser.add_class_arguments(Setup, skip=NOT_HERE | (OF_KNN if method == "linear" else set()), instantiate=False)
    parser.set_defaults(
        device="cuda" if torch.cuda.is_available() else "cpu", num_workers=min(8, (os.cpu_count() or 1) - 1)
    )
    return parser


def load_model(name: str, task: Benchmark, *, random: bool, sensor: str | None = None, seed: int = 0) -> Backbone:
    """The backbone of a run or of published weights; with `random` the same networks, or an architecture's, untrained.

    Published weights are downloaded, and keep their own bands. An architecture takes all bands of `sensor`, by default
    the benchmark's first; one of two sensors those of both.
    """
    if is_path(name):
        if not Path(name).is_dir():
            raise FileNotFoundError(f"no run directory at {name}")
        trained = create_model(name)
        return _like(trained, seed) if random else trained
    torch.manual_seed(seed)
    if is_weights(name):
        return create_model(name, pretrained=not random)
    if name in list_models() and not random:
        raise ValueError(
            f"{name} is an architecture, which has no weights of its own: name the folder of a run, "
            "or pass --random to score it at random weights"
        )
    sensor = sensor or next((of for of in task.sensors if ("+" in of) == name.startswith("dual_")), task.sensors[0])
    bands: Any = all_bands(sensor)  # by sensor, for a model of two
    of: Any = by_sensor(sensor)
    return create_model(name, bands=bands, sensor=of)


def _like(trained: Backbone, seed: int) -> Backbone:
    """The same network at random weights, fed alike."""
    torch.manual_seed(seed)
    size = getattr(trained, "img_size", None)
    model = create_model(trained.name, bands=trained.bands, sensor=trained.sensor, img_size=size)
    model.normalization, model.units = trained.normalization, trained.units
    return model


def notes_on(name: str, *, random: bool) -> dict[str, str | None]:
    """What the rows should know about where the weights come from."""
    if not is_path(name):
        if random or not is_weights(name):
            return {"name": name, "weights": "random"}
        published = get_weights(name)
        sha256_of_hub = getattr(published.source, "sha256", None)
        return {"name": published.name, "weights": "published", "weights_sha256": sha256_of_hub}
    run = Path(name).resolve()
    config = run / "config.yaml"
    recipe = (yaml.safe_load(config.read_text()) or {}).get("recipe") if config.is_file() else None
    if random:
        return {"name": run.name, "weights": "random"}
    weights = sha256((run / "backbone.safetensors").read_bytes()).hexdigest()
    return {"name": run.name, "weights": "run", "weights_sha256": weights, "recipe": recipe}


def keep(found: Evaluation, name: str, *, random: bool, json: str | None, seed: int) -> None:
    """Adds rows to `json`, and for a run to its eval folder, with what its report shows; says where."""
    if json is not None:
        add_rows(Path(json), found.rows)
        print(json)
    if is_path(name):
        written = save_rows(found, name) if random else save(found, name, seed=seed)
        print(*written, write_report(name), sep="\n")


def show_rows(rows: Sequence[Row]) -> None:
    """Prints the scores, then once what they share."""
    table = Table("model", "method", "metric", "%", "95 % interval", "on", "images", box=None, padding=(0, 2, 0, 0))
    if any(row["published_value"] for row in rows):
        table.add_column("published")
    for row in rows:
        low, high = (f"{100 * float(row[name] or 0):.1f}" for name in ("ci_lower", "ci_upper"))
        who = f"{row['model']}, random weights" if row["weights"] == "random" else str(row["name"])
        value = f"[bold]{100 * float(row['metric_value'] or 0):.1f}[/bold]"
        on, images = f"{row['dataset']} {row['split']}", str(row["n_test"])
        published = [f"{100 * float(row['published_value']):.1f}"] if row["published_value"] else []
        table.add_row(
            who, method_words(row), str(row["metric_name"]), value, f"{low} to {high}", on, images, *published
        )
    console = Console()
    console.print(table)
    console.print(_shared(rows[0]), style="dim", highlight=False)


def _shared(row: Mapping[str, Any]) -> str:
    said = {
        "protocol": row["protocol"],
        "split": row["split_id"],
        "training": row["training"],
        "feature": row["feature"] and f"{row['feature']} ({row['feature_dim']})",
        "normalization": row["normalization"],
        "labels": f"{100 * float(row['label_fraction'] or 1):g} %",
        "C": row["best_c"] and f"{row['best_c']:g}",
        "adaptation": row["adaptation"],
        "seed": row["seed"],
    }
    return ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)
