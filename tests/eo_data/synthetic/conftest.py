"""Places of the synthetic Earth to try things on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from eo_data.synthetic.landscape import Landscape, draw_landscape
from eo_data.synthetic.places import ABSENT, Place, draw_place
from eo_data.synthetic.randomness import generator

COVERS = ("water", "trees", "grass", "flooded", "crops", "shrub", "built", "bare", "snow")


@pytest.fixture(scope="session")
def place_of() -> Callable[..., Place]:
    """(covers wanted, other attributes) -> a flat, temperate place where these covers alone grow."""

    def make(*covers: str, **changes: object) -> Place:
        affinity = tuple(2.0 if cover in covers else ABSENT for cover in COVERS)
        plain = {
            "latitude": 48.0, "warmth": 11.0, "aridity": 0.4, "altitude": 100.0, "relief": 8.0, "rivers": (),
            "sea": -float("inf"), "lakes": -float("inf"), "roads": (), "pivots": False,
        }  # fmt: skip
        return replace(draw_place(generator(5)), **{**plain, "affinity": affinity, **changes})

    return make


@pytest.fixture(scope="session")
def land_of() -> Callable[..., Landscape]:
    """(place, size) -> its landscape."""
    return lambda place, size=48: draw_landscape(generator(7), place, size)
