import re
from pathlib import Path

from eo_models import create_model

README = Path(__file__).parents[2] / "packages/eo-train/README.md"


def test_the_snippet_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(code, str(README), "exec"), {"__name__": "readme"})
    assert create_model("runs/archive").bands == ("VV", "VH")
