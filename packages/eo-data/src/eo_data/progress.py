"""One progress bar for whatever takes long: on the terminal's error stream, silent where there is no terminal."""

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

T = TypeVar("T")


def track(items: Sequence[T], text: str) -> Iterator[T]:
    """The items one by one, with a bar that vanishes when they are done."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        yield from bar.track(items, description=text)
