"""One way to offer the nearest names when a name is unknown."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """The known names most like `name`, ready for an error message.

    Returns:
        `"nearest known: a, b"`, or `"known: ..."` with all of them when nothing is alike.
    """
    spelling = {candidate.casefold(): candidate for candidate in known}
    alike = get_close_matches(name.casefold(), spelling, n=count, cutoff=0.5)
    if alike:
        return f"nearest known: {', '.join(spelling[match] for match in alike)}"
    return f"known: {', '.join(spelling.values())}"


def choose(what: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value` if it is one of `allowed`; anything else raises ValueError with the nearest names."""
    if value not in allowed:
        raise ValueError(f"unknown {what} {value!r}; {nearest(str(value), allowed)}")
    return value
