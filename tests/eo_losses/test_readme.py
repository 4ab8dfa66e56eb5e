"""The snippets of the package's README run as they stand."""

import importlib.util
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "packages" / "eo-losses" / "README.md"
SNIPPETS = re.findall(r"^## (.+?)$.*?^```python\n(.+?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)


def test_there_are_three():
    assert [title for title, _ in SNIPPETS] == [
        "In a plain PyTorch loop",
        "In a Lightning module",
        "Composed in a trainer of your own",
    ]


@pytest.mark.parametrize("code", [pytest.param(code, id=title) for title, code in SNIPPETS])
def test_snippet_runs(code, tmp_path, monkeypatch):
    if "lightning" in code and importlib.util.find_spec("lightning") is None:
        pytest.skip("needs Lightning: uv run --with lightning pytest tests/eo_losses/test_readme.py")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(README), "exec"), {"__name__": "__main__"})
