import re
from pathlib import Path

README = Path(__file__).parents[2] / "packages" / "eo-eval" / "README.md"


def test_every_snippet_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for snippet in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        exec(compile(snippet, "README.md", "exec"), names)
    shown = capsys.readouterr().out
    assert "'linear'" in shown
    assert "'knn5'" in shown
    assert "('accuracy', Estimate(value=" in shown
    assert (tmp_path / "runs/mine/report.html").is_file()
