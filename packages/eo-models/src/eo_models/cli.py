"""The command `eo-models`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from fnmatch import fnmatchcase
from json import dumps

from jsonargparse import ArgumentParser
from rich.console import Console
from rich.table import Table

from eo_models.create import create_model
from eo_models.download import download_weights
from eo_models.files import save_for_hub
from eo_models.registry import get_weights, list_weights
from eo_models.weights import Drive, Hub, Url, Weights


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns 0, or 2 for what the user can mend."""
    given = build_parser().parse_args(None if argv is None else list(argv)).as_dict()
    command = given["command"]
    try:
        COMMANDS[command](**given[command])
    except (ValueError, OSError) as error:
        print(f"eo-models: {error}", file=sys.stderr)
        return 2
    return 0


def show_list(pattern: str, json: bool) -> None:
    """List the published checkpoints."""
    found = [weights for weights in list_weights() if fnmatchcase(weights.name, pattern)]
    if not found:
        raise ValueError(f"no weights are named like {pattern!r}; `eo-models list` shows all")
    if json:
        _print_json([_facts(weights) for weights in found])
        return
    table = Table("weights", "sensor", "bands", "MB", "from", "licence", box=None, padding=(0, 2, 0, 0))
    for each in found:
        size = f"{each.size / 1e6:.0f}" if each.size else ""
        table.add_row(each.name, _sensor(each), str(_count(each)), size, _kind(each), each.licence)
    Console().print(table)


def show(name: str, json: bool) -> None:
    """Tell everything about one checkpoint: bands, units, normalization, source, traps."""
    weights = get_weights(name)
    if json:
        _print_json(_facts(weights))
        return
    table = Table(show_header=False, box=None)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for fact, value in _facts(weights).items():
        table.add_row(fact, _words(value))
    Console().print(table)


def download(name: str) -> None:
    """Fetch and verify a checkpoint, and print where it is."""
    print(download_weights(get_weights(name)))


def convert(
    file: str,
    name: str,
    output: str,
    bands: list[str] | None,
    sensor: str | None,
    verify: bool,
) -> None:
    """Turn a checkpoint's file into a folder for the Hub: safetensors, facts, model card."""
    model = create_model(name, checkpoint=file, bands=bands, sensor=sensor, verify=verify)
    save_for_hub(model, output)
    print(output)


COMMANDS: Mapping[str, Callable[..., None]] = {
    "list": show_list,
    "show": show,
    "download": download,
    "convert": convert,
}

A_NAME = "resnet50.softcon_s2, or what its authors call it"


def build_parser() -> ArgumentParser:
    """`eo-models list|show|download|convert`."""
    about = "Published Earth-observation checkpoints: what they are, what they want to be fed, their files."
    parser = ArgumentParser(prog="eo-models", description=about)
    commands = parser.add_subcommands(dest="command")
    parsers = {name: ArgumentParser(description=_first_line(run)) for name, run in COMMANDS.items()}
    parsers["list"].add_argument(
        "pattern", nargs="?", default="*", help="only names like this one, such as '*softcon*'"
    )
    parsers["convert"].add_argument("file", type=str, help="a checkpoint in the form its authors' code saved it")
    for name in ("show", "download"):
        parsers[name].add_argument("name", type=str, help=A_NAME)
    for name in ("list", "show"):
        parsers[name].add_argument("--json", action="store_true", help="JSON instead of a table")
    convert = parsers["convert"]
    convert.add_argument("--name", type=str, required=True, help=f"what it is: {A_NAME}; or an architecture")
    convert.add_argument("--output", type=str, required=True, help="the folder to write")
    convert.add_argument(
        "--bands", type=list[str] | None, default=None, help="[B04,B03]: of a bare architecture's data"
    )
    convert.add_argument("--sensor", type=str | None, default=None, help="of a bare architecture's data")
    convert.add_argument("--verify", action="store_true", help="also check the file against the published hash")
    for name, run in COMMANDS.items():
        commands.add_subcommand(name, parsers[name], help=_first_line(run))
    return parser


def _first_line(run: Callable[..., None]) -> str:
    return (run.__doc__ or "").splitlines()[0]


def _facts(weights: Weights) -> dict[str, object]:
    facts = {each.name: getattr(weights, each.name) for each in fields(weights)}
    return {"name": weights.name, "from": _kind(weights), **facts, "source": asdict(weights.source)}


def _kind(weights: Weights) -> str:
    return {Hub: "Hub", Url: "address", Drive: "shared drive"}[type(weights.source)]


def _sensor(weights: Weights) -> str:
    return weights.sensor if isinstance(weights.sensor, str) else " + ".join(weights.sensor.values())


def _count(weights: Weights) -> int:
    bands = [weights.bands] if isinstance(weights.bands, tuple) else weights.bands.values()
    return sum(len(each) for each in bands)


def _words(value: object) -> str:
    """A fact for people: lists of words in one line, records one a line."""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_words(each)}" for name, each in value.items() if each is not None)
    if isinstance(value, tuple | list):
        flat = all(isinstance(each, str) and " " not in each for each in value)
        return (" " if flat else "\n").join(str(each) for each in value)
    return str(value)


def _print_json(value: object) -> None:
    print(dumps(value, indent=1, default=dict))  # a read-only mapping is none to json
