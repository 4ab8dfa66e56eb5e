import re
from pathlib import Path

README = Path(__file__).parents[2] / "packages" / "eo-data" / "README.md"


def test_every_snippet_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), names)
    assert "('B04', 'B8A', 'B08')" in capsys.readouterr().out
    assert names["x"].shape == (4, 3, 48, 48)
    assert 0 <= names["x"].min() <= names["x"].max() <= 1
