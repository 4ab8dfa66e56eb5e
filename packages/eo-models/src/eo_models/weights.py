"""What is known of one published file: where it is, what it holds, and how to feed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from eo_models.backbone import Step

T = TypeVar("T")
PerSensor: TypeAlias = T | Mapping[str, T]
"""One value, or for a two-sensor model one under `s1` and one under `s2`."""


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A file of a Hugging Face repository, pinned to a commit."""

    repo_id: str
    revision: str | None
    """Commit hash, never a branch: a branch moves. None where nobody gives one; then the sha256 alone pins the file."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Url:
    """A file at an address, pinned by the hash that its publisher gives."""

    url: str
    md5: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Drive:
    """A file that only a shared drive holds: nothing can fetch or verify it, so a person must."""

    where: str
    """Address of the file or its folder, and the file's name there."""


Source: TypeAlias = Hub | Url | Drive


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One published checkpoint and how to feed it."""

    name: str
    """`<architecture>.<method>_<what>`, the name that `create_model` takes."""
    aliases: tuple[str, ...] = ()
    """What its authors call it: ids and file names."""
    architecture: str
    """The bare name of the network that the file fits."""
    source: Source
    filename: str
    size: int | None
    """Bytes; None where nobody has said."""
    sensor: PerSensor[str]
    bands: PerSensor[tuple[str, ...]]
    """Canonical names in the channel order of the first layer."""
    units: PerSensor[tuple[str, ...]]
    """Unit of the stored pixels, one per band: `dn`, `db`, `uint8`, `amplitude`."""
    normalization: PerSensor[tuple[Step, ...]]
    """Steps from stored pixels to the network's input, as `eo_data.Normalize` runs them."""
    feature: str
    """What `model(x)` gives, in words."""
    licence: str
    paper: str
    """arXiv id or DOI."""
    notes: tuple[str, ...] = ()
    """Known traps."""

    def __repr__(self) -> str:
        return f"<Weights {self.name}>"
