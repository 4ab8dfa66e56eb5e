"""The ground as it lies there all year: height, land cover, and the textures that every date shares."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.synthetic.cells import frame
from eo_data.synthetic.farming import Farm, draw_farm
from eo_data.synthetic.fields import Plane, distance_to_zero, fractal, smoothstep
from eo_data.synthetic.places import BARE, BUILT, CROPS, FLOODED, GRASS, SHRUB, TREES, WATER, Place
from eo_data.synthetic.town import Town, draw_town

# (slope, extent in pixels) of the noise behind each idea; see `fractal`.
_NOISE = {
    "trees": (2.8, 80), "grass": (3.2, 90), "flooded": (2.8, 60), "shrub": (2.7, 70), "bare": (3.0, 80),
    "crops": (3.4, 110), "built": (3.6, 110), "village": (3.2, 40),
    "hills": (5.2, 400), "ridges": (5.0, 150), "spurs": (4.4, 60),
    "sea": (4.0, 90), "basin": (4.6, 90), "river 0": (5.0, 80), "river 1": (5.0, 80),
    "road 0": (5.4, 200), "road 1": (5.4, 200), "road 2": (5.4, 200),
    "field zone": (4.2, 90), "street zone": (4.2, 60), "bend": (5.0, 120),
    "grain": (0.3, 3), "crown": (1.4, 5), "mottle": (2.2, 14), "soft": (3.2, 45),
    "stand": (2.9, 40), "drain": (3.4, 40),
}  # fmt: skip
NATURAL = (TREES, GRASS, FLOODED, SHRUB, BARE)
"""Covers that grow by themselves, in the order in which they bid for the ground."""


@dataclass(frozen=True)
class Landscape:
    """One place, drawn on the 10 m grid. Planes are (H, W)."""

    noise: dict[str, Plane]
    """Named fields of mean 0 and variance 1."""
    height: Plane
    """Metres above the lowest ground."""
    cover: npt.NDArray[np.uint8]
    """Land cover, without snow and at mean water level."""
    blend: Plane
    """(5, H, W) shares of the covers of `NATURAL`: natural vegetation has no sharp borders."""
    depth: Plane
    """Pixels into river or sea, negative on land; -inf without either."""
    lake: Plane
    """Standard deviations above the mean level of the lakes; infinite without lakes."""
    road: Plane
    """Share of the pixel that is through road."""
    farm: Farm
    town: Town
    density: Plane
    """0 at the edge of town, 1 in its middle."""


def draw_landscape(rng: np.random.Generator, place: Place, size: int) -> Landscape:
    """The landscape of a place, size × size pixels of 10 m."""
    noise = dict(zip(_NOISE, fractal(rng, size, list(_NOISE.values())), strict=True))
    river, valley = _rivers(rng, place, noise)
    sea = _sea(rng, place, noise)
    lake = 0.6 * noise["hills"] + 0.8 * noise["basin"] + 0.05 * noise["mottle"] - place.lakes
    depth = np.maximum(river, sea)
    shore = np.maximum(np.maximum(valley, sea), -20 * lake)
    height = _height(place, noise) * (1 - np.exp(-np.square(np.minimum(shore, 0) / 30)))
    road, wide = _roads(rng, place, noise, dry=(sea < -1) & (lake > 0))
    farm, town = draw_farm(rng, place, noise), draw_town(rng, place, noise)

    score = _natural_scores(place, noise, height, shore)
    best = score.max(axis=0)
    unfit = 2 * _cold(place, height) + 2 * smoothstep(_steepness(height), 12, 35)
    crops = place.affinity[CROPS] + noise["crops"] - 0.75 * unfit
    urban = place.affinity[BUILT] + 0.9 * noise["built"] + 0.45 * noise["village"] - unfit
    density = town.blocks.mean(urban - np.maximum(best, crops))
    cover = np.array(NATURAL, dtype=np.uint8)[score.argmax(axis=0)]  # from here on people and water take from it
    cover[(farm.cells.mean(crops - best) > 0) & ((farm.cells.disc > 0) | (not place.pivots))] = CROPS
    cover[density > 0] = BUILT
    cover[(depth > 0) | (lake < 0)] = WATER
    cover[wide > 0.5] = BUILT
    return Landscape(
        noise=noise, height=height, cover=cover, blend=_softmax(5 * score), depth=depth, lake=lake, road=road,
        farm=farm, town=town, density=np.clip(density / 1.2, 0, 1),
    )  # fmt: skip


def _softmax(score: Plane) -> Plane:
    odds = np.exp(score - score.max(axis=0))
    odds[odds < 0.02] = 0.0
    return np.asarray(odds / odds.sum(axis=0))


def slopes(height: Plane) -> tuple[Plane, Plane]:
    """Rise per metre towards the south and towards the east, on pixels of 10 m."""
    south, east = np.gradient(height, 10.0)
    return np.asarray(south), np.asarray(east)


def _steepness(height: Plane) -> Plane:
    """Slope in per cent."""
    return np.asarray(np.hypot(*slopes(height)) * 100)


def _height(place: Place, noise: dict[str, Plane]) -> Plane:
    """Hills with sharp ridges: folded noise keeps a crease where it crossed zero."""
    folded = (1 - np.abs(noise["ridges"])) + 0.22 * (1 - np.abs(noise["spurs"])) * smoothstep(noise["hills"], -1.5, 1)
    return np.asarray(place.relief * np.maximum(0.55 * noise["hills"] + 0.5 * folded + 0.9, 0.0))


def _across(rng: np.random.Generator, size: int, reach: float) -> Plane:
    """A coordinate in pixels, in a random direction, that is 0 on a line at most `reach` from the middle."""
    u, _ = frame(size, rng.uniform(0, 2 * math.pi))
    return u - float(u.mean()) + rng.uniform(-reach, reach)


def _rivers(rng: np.random.Generator, place: Place, noise: dict[str, Plane]) -> tuple[Plane, Plane]:
    """Pixels into the nearest river, negative outside: true near the bank, and smooth, for the valley around it."""
    river = np.full_like(noise["soft"], -np.inf)
    valley = river.copy()
    for number, width in enumerate(place.rivers):
        line = _across(rng, len(river), 0.35 * len(river)) + 22 / (1 + width / 8) * noise[f"river {number}"]
        river = np.maximum(river, width / 2 * (1 + 0.25 * noise["soft"]) - distance_to_zero(line))
        valley = np.maximum(valley, width / 2 - np.abs(line))
    return river, valley


def _sea(rng: np.random.Generator, place: Place, noise: dict[str, Plane]) -> Plane:
    size = len(noise["sea"])
    return _across(rng, size, 0.0) + 18 * noise["sea"] + place.sea * size


def _roads(
    rng: np.random.Generator, place: Place, noise: dict[str, Plane], *, dry: npt.NDArray[np.bool_]
) -> tuple[Plane, Plane]:
    """Share of each pixel under any through road, and under the wide ones that a map shows; rivers are bridged."""
    road = np.zeros_like(noise["soft"])
    wide = np.zeros_like(road)
    for number, width in enumerate(place.roads):
        line = _across(rng, len(road), 0.4 * len(road)) + 14 * noise[f"road {number}"]
        share = np.clip(width / 2 + 0.5 - distance_to_zero(line), 0, min(width, 1.0)) * dry
        road = np.maximum(road, share)
        wide = np.maximum(wide, share * (width > 1.5))
    return road, wide


def _cold(place: Place, height: Plane) -> Plane:
    """0 where summers are warm enough for trees, 1 where they are four degrees too cold."""
    summer = place.warmth + 0.2 * abs(place.latitude) - 0.0065 * (place.altitude + height)
    return np.clip((10 - summer) / 4, 0, 3)


def _natural_scores(place: Place, noise: dict[str, Plane], height: Plane, wet: Plane) -> Plane:
    """What each natural cover bids for each pixel: (5, H, W) for trees, grass, flooded vegetation, shrub, bare."""
    cold, steep = _cold(place, height), smoothstep(_steepness(height), 25, 70)
    bank = np.exp(np.minimum(wet, 0) / 5)
    low = smoothstep(-noise["hills"], -0.5, 1.5)
    bids = {
        "trees": (TREES, 0.5 * steep + 0.7 * bank - 1.6 * cold),
        "grass": (GRASS, 0.3 * low - 0.3 * cold),
        "flooded": (FLOODED, 1.3 * bank + 0.5 * low - 2.0 * steep - cold),
        "shrub": (SHRUB, 0.3 * steep - 0.2 * cold),
        "bare": (BARE, 0.8 * steep + 0.9 * cold),
    }
    return np.stack([place.affinity[cover] + noise[name] + bid for name, (cover, bid) in bids.items()])
