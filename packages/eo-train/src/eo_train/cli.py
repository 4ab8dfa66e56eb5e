"""The command `eo-train`."""

import re
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import ArgumentParser, set_parsing_settings
from lightning_fabric.utilities.rank_zero import rank_zero_only
from rich.console import Console
from rich.table import Table

from eo_train.config import DATASETS, GIVEN_BY_CODE, PretrainConfig
from eo_train.loader import message_of
from eo_train.methods import METHODS
from eo_train.pretrain import StoppedError, pretrain
from eo_train.profile import Profile, profile
from eo_train.recipes import find_recipe, list_recipes

USAGE = """usage: eo-train recipes
       eo-train pretrain RECIPE --data.root DIR --output RUN [--epochs N --batch_size B --model NAME ...] [--resume]
       eo-train profile RECIPE --data.root DIR [--steps N] [--batch_size B --model NAME ...]

RECIPE is a name that `eo-train recipes` lists, or a YAML file of your own.
`eo-train pretrain RECIPE --help` lists every field; `--print_config` prints them as YAML, `--config FILE` reads some.
"""
set_parsing_settings(docstring_parse_attribute_docstrings=True)  # the sentences under the fields become their help
PARTS: dict[str, dict[str, Any]] = {"data": dict(DATASETS), "method": dict(METHODS)}


class RecipeParser(ArgumentParser):
    """A parser that answers a misspelt option with the nearest one it has."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Prints the usage and the message, and ends the program with status 2."""
        known = [option for action in self._actions for option in action.option_strings]
        misspelt = re.findall(r"--[^\s=]+", message) if message.startswith("unrecognized arguments") else []
        near = [found[0] for option in misspelt if (found := get_close_matches(option, known, n=1))]
        super().error(f"{message}; did you mean {' '.join(near)}?" if near else message, ex)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, 2 for what the user can mend, or 143 when SIGTERM or Ctrl-C stopped a run."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["recipes"]:
            return show_recipes()
        if words[:1] == ["pretrain"] and len(words) > 1 and not words[1].startswith("-"):
            return run_pretrain(words[1], words[2:])
        if words[:1] == ["profile"] and len(words) > 1 and not words[1].startswith("-"):
            return run_profile(words[1], words[2:])
    except StoppedError as stopped:
        print(stopped, file=sys.stderr)
        return 143
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"eo-train: {message_of(error)}", file=sys.stderr)
        return 2
    print(USAGE, end="")
    return 0 if set(words) & {"-h", "--help"} else 2


def show_recipes() -> int:
    """Prints the shipped recipes."""
    table = Table("recipe", "what it does", box=None)
    for name, sentence in list_recipes().items():
        table.add_row(name, sentence)
    Console().print(table)
    return 0


def run_pretrain(recipe: str, words: Sequence[str]) -> int:
    """Parses the rest of the command line against the recipe and pretrains."""
    parser = build_parser(recipe, find_recipe(recipe), words)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --output")
    given = parser.parse_args(list(words)).as_dict()
    resume = given.pop("resume")
    pretrain(config_of(recipe, given), resume=resume)
    return 0


def run_profile(recipe: str, words: Sequence[str]) -> int:
    """Parses the rest of the command line as `pretrain` does, and prints what a step is made of."""
    parser = build_parser(recipe, find_recipe(recipe), words, command="profile")
    parser.add_argument("--steps", type=int, default=20, help="how many steps to average over")
    parser.set_defaults({"output": "-"})  # nothing is written
    given = parser.parse_args(list(words)).as_dict()
    steps = given.pop("steps")
    show_profile(profile(config_of(recipe, given), steps=steps))
    return 0


@rank_zero_only
def show_profile(found: Profile) -> None:
    """Prints what the first process found."""
    console = Console(highlight=False)
    console.print(found.described, soft_wrap=True)
    console.print(found.table())
    console.print(f"peak memory {found.peak_memory_mb:.0f} MB")


def config_of(recipe: str, given: dict[str, Any]) -> PretrainConfig:
    """The run that parsed words describe."""
    came_from = ("config", "__default_config__")  # where the fields are from, which is no field
    fields = {name: value for name, value in given.items() if name not in came_from}
    return PretrainConfig.from_dict(fields | {"recipe": Path(recipe).stem})


def build_parser(recipe: str, path: Path, words: Sequence[str], *, command: str = "pretrain") -> RecipeParser:
    """A parser that knows every field of the run: those of the data set and the method that it names too."""
    sentence = path.read_text().splitlines()[0].lstrip("# ")
    prog = f"eo-train {command} {recipe}"
    own = {"pretrain": "--output RUN [--resume]", "profile": "[--steps N]"}[command]
    usage = f"{prog} --data.root DIR {own} [--config FILE] [--print_config] [--FIELD VALUE ...]"
    content = yaml.safe_load(path.read_text())
    named = {part: chosen(part, path, words) for part in PARTS}
    replaced = [part for part in PARTS if content.get(part, {}).get("name", named[part]) != named[part]]
    parser = RecipeParser(prog=prog, usage=usage, description=sentence, allow_abbrev=False)
    if not replaced:
        parser.default_config_files = [str(path)]
    parser.add_argument("--config", action="config", help="YAML file whose fields override the recipe's")
    for part, known in PARTS.items():
        name = named[part]
        if name not in known:
            raise ValueError(f"{part}.name must be one of {', '.join(known)}, got {name!r}")
        parser.add_argument(f"--{part}.name", type=str, default=name, help=f"one of {', '.join(known)}")
        parser.add_class_arguments(known[name], part, skip=GIVEN_BY_CODE[part], instantiate=False)
    parser.add_class_arguments(PretrainConfig, skip={"recipe", *PARTS}, instantiate=False)
    if replaced:  # another data set or method takes none of the fields of the recipe's
        parser.set_defaults(flat({key: value for key, value in content.items() if key not in replaced}))
    return parser


def flat(content: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested mappings under dotted names."""
    fields: dict[str, Any] = {}
    for key, value in content.items():
        fields |= flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return fields


def chosen(part: str, recipe: Path, words: Sequence[str]) -> str:
    """The name of the data set or method: the command line's, else its `--config` files', else the recipe's."""
    files, name = [str(recipe)], None
    for word, value in zip(words, [*words[1:], ""], strict=True):
        option, _, attached = word.partition("=")
        if option == "--config":
            files.append(attached or value)
        if option == f"--{part}.name":
            name = attached or value
    named = [yaml.safe_load(Path(file).read_text()).get(part, {}).get("name") for file in files]
    return name or next((each for each in reversed(named) if each), "")
