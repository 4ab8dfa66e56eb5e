"""How published files name their tensors, and what each of these belongs to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor

Parts: TypeAlias = dict[str, dict[str, Tensor]]
"""The tensors of a file, sorted: part (`backbone`, `fpn`, `head`, `queue`, ...) to name to tensor."""


@dataclass(frozen=True)
class Rule:
    """Where the keys of one kind belong.

    `keys` is a regular expression of the whole key; `part` and `name` may take up its groups (`\\1`). A part that the
    asked-for model has gets the tensor under `name`, which is the name in that part's own state dict; any other part is
    left out, and reported.
    """

    keys: str
    part: str
    name: str = r"\g<0>"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One way in which the authors' code names the tensors of a file. The first rule that matches a key decides.

    A file is in this layout when every one of its keys has a rule, and each of `marks` matches some key: a part that
    only these files have.
    """

    name: str
    rules: tuple[Rule, ...]
    marks: tuple[str, ...] = field(default=())

    def sort(self, tensors: Mapping[str, Tensor]) -> Parts | None:
        """The tensors by part and by our name, or None for a file in another layout."""
        if not self.is_marked(tensors):
            return None
        parts: Parts = {}
        for key, tensor in tensors.items():
            found = self._place(key)
            if found is None:
                return None
            part, name = found
            parts.setdefault(part, {})[name] = tensor
        return parts

    def is_marked(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether the keys hold what only files in this layout have."""
        return all(any(re.match(mark, key) for key in tensors) for mark in self.marks)

    def strays(self, tensors: Mapping[str, Tensor]) -> list[str]:
        """The keys that no rule has a place for."""
        return [key for key in tensors if self._place(key) is None]

    def _place(self, key: str) -> tuple[str, str] | None:
        for rule in self.rules:
            if match := re.fullmatch(rule.keys, key):
                return match.expand(rule.part), match.expand(rule.name)
        return None


OWN = Layout(name="a state dict of the network itself", rules=(Rule(".+", "backbone"),))
"""What `save_backbone` writes: the names of the library that the network is from."""


def sort_tensors(tensors: Mapping[str, Tensor], layouts: Iterable[Layout]) -> Parts | None:
    """The tensors sorted by the first layout that has a place for each of them."""
    return next((parts for layout in layouts if (parts := layout.sort(tensors)) is not None), None)
