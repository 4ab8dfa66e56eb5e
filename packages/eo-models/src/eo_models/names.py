"""One way to offer the nearest names when a name is unknown."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """`"nearest known: a, b"`, or `"known: ..."` with all of them when nothing is alike."""
    spelling = {candidate.casefold(): candidate for candidate in known}
    alike = get_close_matches(name.casefold(), spelling, n=count, cutoff=0.4)
    if alike:
        return f"nearest known: {', '.join(spelling[match] for match in alike)}"
    return f"known: {', '.join(spelling.values())}"
