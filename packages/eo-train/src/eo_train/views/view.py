"""Which views a method wants to see: plain records, which `Prepare` follows."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class View:
    """One view of every sample of a batch."""

    image: str = "image"
    """Key of the sample's dict: `image`, or `s1` and `s2` of a two-sensor one."""
    date: int = 0
    """Which of the dates drawn for the sample, counted from 0; where fewer are drawn, the last of them."""
    draw: Literal["augmented", "cropped", "whole"] = "augmented"
    """Everything that the `ViewConfig` says; its crop alone; or nothing, the image as it is, resized to the view."""
    place: str | None = None
    """Views that name the same place share crop, orientation and turn; None draws its own."""
