"""One progress bar for whatever takes long: on the terminal's error stream, silent where there is no terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

T = TypeVar("T")


def track(items: Iterable[T], text: str, *, total: int | None = None) -> Iterator[T]:
    """The items one by one, with a bar that vanishes when they are done; `total` where they have no length."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        yield from bar.track(items, total=total, description=text)
