"""A folder that is either complete or not there."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

_RECIPE = "synthetic.json"
"""The file in a finished root that says how it was made."""


def build_root(root: str | os.PathLike[str], recipe: Mapping[str, object], build: Callable[[Path], None]) -> Path:
    """Fill a folder elsewhere, then give it its name in one step. A root that holds the same already is left as it is.

    Args:
        root: The folder; must not exist, or be empty.
        recipe: What makes the content; JSON.
        build: Writes the content into the folder that it is given.

    Raises:
        FileExistsError: The root holds something else.
    """
    root = Path(root).absolute()
    recipe = {**recipe, "version": version("eo-data")}
    if _recipe_of(root) == recipe:
        return root
    _refuse_occupied(root, recipe)
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as folder:
        unfinished = Path(folder) / root.name
        unfinished.mkdir()
        build(unfinished)
        (unfinished / _RECIPE).write_text(json.dumps(recipe, indent=1) + "\n")
        if root.exists():
            root.rmdir()  # empty: it was looked into
        unfinished.rename(root)
    return root


def _recipe_of(root: Path) -> object:
    path = root / _RECIPE
    return json.loads(path.read_text()) if path.is_file() else None


def _refuse_occupied(root: Path, recipe: Mapping[str, object]) -> None:
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        there = _recipe_of(root) or "something that was not made here"
        raise FileExistsError(f"{root} already holds {there}, not {dict(recipe)}; choose another folder or empty it")
