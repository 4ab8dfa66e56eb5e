"""`__all__` of each package is complete, importable and documented."""

import importlib
import tomllib
from pathlib import Path

import pytest

PACKAGES = ("eo_data", "eo_eval", "eo_losses", "eo_models", "eo_train")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PACKAGES)
def test_all_lists_what_is_public_and_documented(name):
    package = importlib.import_module(name)
    modules = {path.stem for path in Path(package.__file__).parent.iterdir()}
    public = {each for each in vars(package) if not each.startswith("_") and each not in modules}
    assert public <= set(package.__all__)
    for each in package.__all__:
        thing = getattr(package, each)
        assert not callable(thing) or thing.__doc__, f"{name}.{each} has no docstring"


def test_versions_move_together():
    projects = [tomllib.loads(path.read_text())["project"] for path in ROOT.glob("packages/*/pyproject.toml")]
    assert len(projects) == len(PACKAGES)
    versions = {project["version"] for project in projects}
    assert len(versions) == 1
    pins = {pin for project in projects for pin in project["dependencies"] if pin.startswith("eo-")}
    assert {pin.split("==")[1] for pin in pins} == versions
