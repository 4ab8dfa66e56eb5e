"""The command `eo-data`."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, cast

from jsonargparse import ArgumentParser, set_parsing_settings
from jsonargparse.typing import register_type
from rich.console import Console
from rich.table import Table

from eo_data.bigearthnet import BigEarthNet
from eo_data.collect import CollectConfig, collect
from eo_data.compute import compute_statistics
from eo_data.dataset import ImageDataset
from eo_data.dfc2020 import DFC2020
from eo_data.eurosat import EuroSAT
from eo_data.geotiff_folder import GeoTIFFFolder
from eo_data.meterml import MeterML
from eo_data.oscd import OSCD
from eo_data.packed import PackedDataset
from eo_data.packing import pack, verify_packed
from eo_data.seco import SeCo
from eo_data.sen12ms import SEN12MS
from eo_data.sensors import SENSORS
from eo_data.ssl4eo_s12 import SSL4EOS12
from eo_data.ssl4eo_s12_ml import SSL4EOS12ML
from eo_data.synthetic import (
    write_bigearthnet,
    write_dfc2020,
    write_eurosat,
    write_geotiff_folder,
    write_meterml,
    write_oscd,
    write_seco,
    write_sen12ms,
    write_ssl4eo_s12,
    write_ssl4eo_s12_ml,
)

register_type(date, date.isoformat, date.fromisoformat)
set_parsing_settings(docstring_parse_attribute_docstrings=True)  # sentences under fields become their help
DATASETS: Mapping[str, Callable[..., ImageDataset]] = {
    "dfc2020": DFC2020,
    "eurosat": EuroSAT,
    "meterml": MeterML,
    "sen12ms": SEN12MS,
    "ssl4eo-s12": SSL4EOS12,
    "ssl4eo-s12-ml": SSL4EOS12ML,
    "seco": SeCo,
    "bigearthnet": BigEarthNet,
    "oscd": OSCD,
    "geotiff-folder": GeoTIFFFolder,
    "packed": PackedDataset,
}
LAYOUTS: Mapping[str, Callable[..., Path]] = {
    "dfc2020": write_dfc2020,
    "eurosat": write_eurosat,
    "meterml": write_meterml,
    "sen12ms": write_sen12ms,
    "ssl4eo-s12": write_ssl4eo_s12,
    "ssl4eo-s12-ml": write_ssl4eo_s12_ml,
    "seco": write_seco,
    "bigearthnet": write_bigearthnet,
    "oscd": write_oscd,
    "geotiff-folder": write_geotiff_folder,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns 0, or 2 for what the user can mend."""
    given = build_parser().parse_args(None if argv is None else list(argv)).as_dict()
    command = given["command"]
    arguments = given[command]
    try:
        if command == "collect":
            return collect_places(arguments)
        COMMANDS[command](arguments["name"], arguments[arguments["name"]])
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"eo-data: {error}", file=sys.stderr)
        return 2
    return 0


def info(name: str, arguments: dict[str, object]) -> None:
    """Tell what is in the data set that lies in ROOT."""
    dataset = DATASETS[name](**arguments)
    table = Table(show_header=False, box=None)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for fact, value in _facts(dataset).items():
        table.add_row(fact, value)
    console = Console()
    console.print(table)
    console.print(_bands(dataset))


def stats(name: str, arguments: dict[str, object]) -> None:
    """Compute mean and standard deviation of every band of the data set that lies in ROOT."""
    samples, seed = cast(int, arguments.pop("samples")), cast(int, arguments.pop("seed"))
    output = cast(Path | None, arguments.pop("output"))
    dataset = DATASETS[name](**arguments)
    found = {key: compute_statistics(dataset, key=key, samples=samples, seed=seed) for key in dataset.parts}
    for key, statistics in found.items():
        table = Table(
            "band", "mean", "std", "unit", title=f"{key}: {min(samples, len(dataset))} of {len(dataset)} images"
        )
        units = dict(zip(dataset.parts[key].bands, dataset.parts[key].units, strict=True))
        for band, unit in units.items():
            table.add_row(band, f"{statistics['mean'][band]:.6g}", f"{statistics['std'][band]:.6g}", unit)
        Console().print(table)
    if output:
        output.write_text(json.dumps(found if len(found) > 1 else found.popitem()[1], indent=1) + "\n")


def pack_dataset(name: str, arguments: dict[str, object]) -> None:
    """Write the data set that lies in ROOT as memory-mapped shards into OUTPUT; run again, it goes on."""
    output, verify = cast(Path, arguments.pop("output")), arguments.pop("verify")
    processes = cast(int | None, arguments.pop("processes"))
    dataset = DATASETS[name](**arguments)
    pack(dataset, output, processes=processes)
    if verify:
        verify_packed(output, dataset, processes=processes)
        print(f"{len(dataset)} samples in {output} are those of the source, bit by bit")
    else:
        print(output)


def synthesize(name: str, arguments: dict[str, object]) -> None:
    """Write a small data set of synthetic Earth into ROOT."""
    print(LAYOUTS[name](**arguments))


def collect_places(arguments: dict[str, object]) -> int:
    """Collect seasons of places all over the Earth from a public archive; run again, it goes on."""
    try:
        done = collect(CollectConfig(**cast(dict[str, Any], arguments)))
    except KeyboardInterrupt:
        print("eo-data: stopped; run the same command again: it goes on", file=sys.stderr)
        return 130
    print(f"{done.taken} places in {done.output}, {done.dropped} dropped (manifest.jsonl says why)")
    return 0


COMMANDS: Mapping[str, Callable[[str, dict[str, object]], None]] = {
    "info": info,
    "pack": pack_dataset,
    "stats": stats,
    "synthesize": synthesize,
}


def build_parser() -> ArgumentParser:
    """`eo-data COMMAND NAME ROOT`, with the arguments of each data set and layout under its name."""
    parser = ArgumentParser(prog="eo-data", description="Look at, collect, pack and synthesize Earth-observation data.")
    commands = parser.add_subcommands(dest="command")
    for command, run in COMMANDS.items():
        named = ArgumentParser(description=run.__doc__)
        commands.add_subcommand(command, named, help=run.__doc__)
        names = named.add_subcommands(dest="name")
        for name, make in (LAYOUTS if command == "synthesize" else DATASETS).items():
            names.add_subcommand(name, _arguments_of(command, make), help=_first_line(make))
    collecting = ArgumentParser(description=collect_places.__doc__, epilog="Lists are written [s1,s2a], in quotes.")
    collecting.add_class_arguments(CollectConfig, instantiate=False)
    commands.add_subcommand("collect", collecting, help=collect_places.__doc__)
    return parser


def _arguments_of(command: str, make: Callable[..., object]) -> ArgumentParser:
    parser = ArgumentParser(epilog="Lists are written [B04,B03,B02], mappings {s1: [VV], s2c: [B04]}, both in quotes.")
    parser.add_argument("root", type=str, help="the folder")
    if isinstance(make, type):
        own = {"seed"} if command == "stats" else set()  # which draws images, where a packed data set draws windows
        parser.add_class_arguments(make, skip={"root", "split", "transform", "download"} | own, instantiate=False)
        if "split" in signature(make).parameters:
            parser.add_argument("--split", default=_default_split(make), help="which split")
    else:
        parser.add_function_arguments(make, skip={"root"})
    if command == "pack":
        parser.add_argument("--output", type=Path, required=True, help="folder of the shards")
        parser.add_argument(
            "--processes", type=int | None, default=None, help="that read and write; null: one per core"
        )
        parser.add_argument("--verify", action="store_true", help="then compare every row with the source")
    if command == "stats":
        parser.add_argument("--samples", type=int, default=1000, help="how many images to look at")
        parser.add_argument("--seed", type=int, default=0, help="of the draw of these images")
        parser.add_argument("--output", type=Path | None, default=None, help="JSON file to write")
    return parser


def _default_split(make: Callable[..., object]) -> str:
    default = signature(make).parameters["split"].default
    return "train" if default is Parameter.empty else str(default)


def _first_line(make: Callable[..., object]) -> str:
    return (make.__doc__ or "").splitlines()[0]


def _facts(dataset: ImageDataset) -> dict[str, str]:
    sample = cast(Mapping[str, object], dataset[0])
    facts = {
        "data set": type(dataset).__name__,
        "split": f"{dataset.split}, {len(dataset)} samples, id {dataset.split_id}",
        "sensor": dataset.sensor,
        "classes": ", ".join(dataset.classes or ()) or "none",
        "first sample": ", ".join(f"{key} {_shape(value)}" for key, value in sample.items()),
    }
    if isinstance(dataset, EuroSAT):
        facts |= {"images": str(dataset.folder), "list": str(dataset.split_list)}
    if isinstance(dataset, SSL4EOS12ML):
        facts["labels"] = f"{dataset.labels}, which does not know {dataset.unknown_seasons} of the seasons"
    return facts


def _shape(value: object) -> str:
    shape = tuple(getattr(value, "shape", ()))
    return f"{shape} {value.dtype}".replace("torch.", "") if hasattr(value, "dtype") else repr(value)


def _bands(dataset: ImageDataset) -> Table:
    table = Table("image", "band", "wavelength (µm)", "resolution (m)", "unit")
    for key, part in dataset.parts.items():
        for name, unit in zip(part.bands, part.units, strict=True):
            band = SENSORS[part.sensor].band(name)
            table.add_row(key, name, str(band.wavelength_um or ""), str(band.resolution), unit)
    return table
