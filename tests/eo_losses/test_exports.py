import inspect
import subprocess
import sys

import pytest

import eo_losses


def test_all_lists_what_is_public():
    public = {n for n, v in vars(eo_losses).items() if not n.startswith("_") and not inspect.ismodule(v)}
    assert public <= set(eo_losses.__all__)
    assert all(hasattr(eo_losses, name) for name in eo_losses.__all__)
    assert sorted(eo_losses.__all__) == eo_losses.__all__


@pytest.mark.parametrize("name", eo_losses.__all__)
def test_everything_public_is_documented(name):
    thing = getattr(eo_losses, name)
    assert inspect.getdoc(thing)
    if inspect.isfunction(thing) and name != "gather":
        assert "Args:" in thing.__doc__
        assert "Returns:" in thing.__doc__


def test_importing_brings_in_torch_alone():
    """Nothing heavy that torch itself does not import: no NumPy of our own, no compiler, no symbolic algebra."""
    code = "import sys, torch; before = set(sys.modules); import eo_losses; print(*set(sys.modules) - before)"
    added = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {name.split(".")[0] for name in added} <= {"eo_losses", *sys.stdlib_module_names}
