"""Where on Earth a scene lies and what kind of place that is: climate, relief, and the habits of the people there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.ssl4eo_s12_ml import SSL4EOS12ML

WATER, TREES, GRASS, FLOODED, CROPS, SHRUB, BUILT, BARE, SNOW = range(9)
"""Land cover classes in the order of Dynamic World."""
COVERS = SSL4EOS12ML.CLASSES
"""Their names."""
ABSENT = -9.0
"""An affinity that no landscape overcomes."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Everything about a location that is one number for all of it. Ranges are those of `draw_place`."""

    latitude: float
    """Degrees north, -45 to 66."""
    longitude: float
    """Degrees east, -180 to 180."""
    altitude: float
    """Of the lowest ground, in metres."""
    relief: float
    """Height of the hills in metres."""
    warmth: float
    """Mean temperature of the year at sea level in °C."""
    aridity: float
    """0 (rain forest) to 1 (desert)."""
    affinity: tuple[float, ...]
    """How strongly each of the nine covers competes for the ground; differences of 1 count."""
    rivers: tuple[float, ...]
    """Width of each river in pixels."""
    sea: float
    """How far past the middle the sea reaches, as a share of the scene; -inf without a sea."""
    lakes: float
    """Level of the lakes, in standard deviations of a smooth field; -inf without lakes."""
    roads: tuple[float, ...]
    """Width of each through road in pixels."""
    conifers: float
    """Share of needle-leaved trees."""
    soils: tuple[float, ...]
    """Shares of dark, red and pale soil."""
    turbidity: float
    """0 (clear water) to 1 (mud)."""
    field_size: tuple[float, float]
    """Width and length of a field in pixels."""
    field_bend: float
    """How far field borders swing, in pixels."""
    crop_shares: tuple[float, ...]
    """Shares of the fields under winter cereal, summer crop, meadow and fallow."""
    hedges: float
    """Share of field borders that carry a hedge."""
    pivots: bool
    """Fields are watered in circles."""
    orchards: float
    """Share of fields with trees or vines in rows."""
    block_size: tuple[float, float]
    """Width and length of a street block in pixels."""
    gardens: float
    """Share of green between the houses."""
    industry: float
    """Share of blocks with large flat roofs."""
    tiles: float
    """Share of red roofs."""
    angle: float
    """Direction of fields and streets in radians."""


def draw_place(rng: np.random.Generator) -> Place:
    """A place at random, denser where people live and such that every cover is common somewhere."""
    south = rng.random() < 0.25
    latitude = -rng.uniform(3, 45) if south else rng.triangular(2, 44, 66)
    warmth = 27.0 - 0.0078 * latitude**2 + rng.normal(0, 2)
    aridity = float(np.clip(rng.beta(1.5, 1.8) + 0.25 * (abs(abs(latitude) - 26) < 10), 0, 1))
    rugged = rng.beta(0.8, 1.6)
    relief = 8 + 520 * rugged**2
    altitude = rng.uniform(0, 300) + 2600 * rugged**2 * rng.random() ** 2
    chill = max(0.0, 14 - warmth + 0.0065 * altitude) / 10
    climate = (
        0.0,
        0.55 - 2.2 * (aridity - 0.35) - 0.1 * chill,
        0.45 - 0.8 * abs(aridity - 0.4),
        0.0 - 1.6 * (aridity - 0.4) - 2.0 * rugged,
        2.0 - 1.6 * rugged - 1.2 * max(0.0, aridity - 0.6) - 0.7 * chill,
        -0.35 + 1.5 * (aridity - 0.4) + 0.3 * rugged,
        1.45 - 1.3 * rugged,
        -1.1 + 3.0 * (aridity - 0.35) + 0.6 * rugged,
        0.0,
    )
    fields = 10 * np.exp(0.45 * rng.standard_normal())
    blocks = 9 * np.exp(0.25 * rng.standard_normal())
    return Place(
        latitude=float(latitude),
        longitude=float(rng.uniform(-180, 180)),
        altitude=float(altitude),
        relief=float(relief),
        warmth=float(warmth),
        aridity=aridity,
        affinity=tuple(bias + 0.85 * float(rng.standard_normal()) for bias in climate),
        rivers=tuple(float(np.exp(rng.normal(1.1, 0.8))) for _ in range(rng.binomial(2, 0.28))),
        sea=float(rng.uniform(-0.25, 0.2)) if rng.random() < 0.12 else -np.inf,
        lakes=float(rng.normal(-1.25, 0.4)) if rng.random() < 0.4 - 0.25 * aridity else -np.inf,
        roads=tuple(float(rng.choice([0.6, 0.9, 2.2], p=[0.5, 0.35, 0.15])) for _ in range(rng.binomial(3, 0.4))),
        conifers=float(np.clip(rng.beta(0.8, 0.8) + 0.5 * chill - 0.2, 0, 1)),
        soils=_shares(rng.dirichlet([1.2 - 0.8 * aridity, 0.8, 0.5 + aridity])),
        turbidity=float(rng.beta(1.0, 1.3)),
        field_size=(float(fields), float(fields * np.exp(rng.uniform(0.0, 1.3)))),
        field_bend=float(rng.choice([0.3, 3.0, 7.0])),
        crop_shares=_shares(rng.dirichlet([1.2, 1.4, 0.6, 0.15 + 0.4 * aridity])),
        hedges=float(max(0.0, rng.uniform(-0.4, 0.8) * (1.2 - aridity))),
        pivots=bool(aridity > 0.55 and rng.random() < 0.35),
        orchards=float(rng.beta(0.4, 1.6)),
        block_size=(float(blocks), float(blocks * np.exp(rng.uniform(0.0, 0.9)))),
        gardens=float(np.clip(rng.beta(1.5, 2.0) * (1.25 - aridity), 0, 0.8)),
        industry=float(rng.beta(0.5, 2.6)),
        tiles=float(rng.beta(0.8, 1.2)),
        angle=float(rng.uniform(0, np.pi)),
    )


def _shares(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
