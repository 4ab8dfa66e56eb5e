"""What a sensor makes of the ground: covers that look alike to it, and structures that stand there for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from eo_data.synthetic.landscape import NATURAL, Landscape
from eo_data.synthetic.places import Place
from eo_data.synthetic.seasons import Season
from eo_data.synthetic.structures import Structure, build
from eo_data.synthetic.surface import Surface, draw_surface

SightName = Literal["natural", "complementary", "redundant"]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How one product sees a place."""

    alike: Mapping[int, int] = field(default_factory=dict)
    """Cover to the cover that it is taken for; both of `NATURAL`, for others have a shape that would give them away."""
    structures: tuple[Structure, ...] = ()
    """What people built there."""


PLAIN = Sight()
"""What is there."""


def surface_through(sight: Sight, place: Place, land: Landscape, season: Season) -> Surface:
    """The ground of a landscape on a date, as it is seen."""
    return build(sight.structures, draw_surface(place, _taken_for(land, sight.alike), season))


def _taken_for(land: Landscape, alike: Mapping[int, int]) -> Landscape:
    """The same ground with covers in place of others."""
    assert {*alike, *alike.values()} <= set(NATURAL), alike
    if not alike:
        return land
    cover, blend = land.cover.copy(), land.blend.copy()
    for found, taken in alike.items():
        cover[land.cover == found] = taken
        blend[NATURAL.index(taken)] += blend[NATURAL.index(found)]
        blend[NATURAL.index(found)] = 0
    return replace(land, cover=np.asarray(cover), blend=blend)
