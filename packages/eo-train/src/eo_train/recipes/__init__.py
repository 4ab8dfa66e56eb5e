"""Recipes: YAML files that fill a `PretrainConfig`."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml


def list_recipes() -> dict[str, str]:
    """Names of the shipped recipes, each with the sentence that its file begins with."""
    found = sorted(path for path in map(Path, map(str, files(__name__).iterdir())) if path.suffix == ".yaml")
    return {path.stem: path.read_text().splitlines()[0].lstrip("# ") for path in found}


def find_recipe(name: str) -> Path:
    """The file of a shipped recipe, or of one's own by its path."""
    if Path(name).suffix in {".yaml", ".yml"}:
        if not Path(name).is_file():
            raise FileNotFoundError(f"no recipe file at {name}")
        return Path(name)
    if name not in list_recipes():
        near = get_close_matches(name, list_recipes(), n=2, cutoff=0.3) or list(list_recipes())
        raise ValueError(
            f"unknown recipe {name!r}; nearest known: {', '.join(near)}; one's own is named by its .yaml file"
        )
    return Path(str(files(__name__) / f"{name}.yaml"))


def load_recipe(name: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A recipe as a mapping for `PretrainConfig.from_dict`, with fields changed by their dotted names.

    Args:
        name: Of a shipped recipe, or the path of a YAML file.
        changes: Such as `{"data.root": "archive", "epochs": 5}`.
    """
    content: dict[str, Any] = yaml.safe_load(find_recipe(name).read_text()) | {"recipe": Path(name).stem}
    for dotted, value in (changes or {}).items():
        *parents, leaf = dotted.split(".")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return content
