"""`report.html`: one self-contained page about one run or several."""

import os
from collections.abc import Sequence
from pathlib import Path

from eo_eval.report.collect import collect
from eo_eval.report.page import write

__all__ = ["write_report"]


def write_report(
    runs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
) -> Path:
    """Writes one HTML page that needs nothing but itself.

    Args:
        runs: Run directories, and JSON files of result rows to stand beside them.
        output: Where to write; None writes `report.html` into the one run directory.

    Returns:
        The page's path.
    """
    paths = [runs] if isinstance(runs, str | os.PathLike) else list(runs)
    views = collect(paths)
    if output is None:
        if len(paths) != 1 or not Path(paths[0]).is_dir():
            raise ValueError("say where to write: output= may only be left out for a single run directory")
        output = Path(paths[0]) / "report.html"
    return write(views, Path(output))
