"""What covers the ground on one date: the share of every material in every pixel, and what a map of that date shows.

Covers share materials on purpose: leaves are leaves in a forest, in a park and in a swamp. What tells covers apart is
the mixture, its texture, its shape and how it changes over the year.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.synthetic.fields import Plane, smoothstep
from eo_data.synthetic.landscape import NATURAL, Landscape
from eo_data.synthetic.materials import MATERIALS
from eo_data.synthetic.places import BARE, BUILT, COVERS, CROPS, FLOODED, GRASS, SHRUB, SNOW, TREES, WATER, Place
from eo_data.synthetic.seasons import Season
from eo_data.synthetic.town import PLOTS

_Shares = dict[str, Plane]
"""Share of each material, anything that broadcasts to (H, W); they add up to 1."""


@dataclass(frozen=True)
class Surface:
    """The ground on one date."""

    cover: npt.NDArray[np.uint8]
    """Land cover, (H, W): lakes rise and fall, wet meadows dry out, snow lies on open ground."""
    shares: Plane
    """Share of each material in each pixel: (materials, H, W), adding up to 1 along the first axis."""


def draw_surface(place: Place, land: Landscape, season: Season) -> Surface:
    """The ground of a landscape on the date of a season."""
    snow = _snow(place, land, season)
    under = _cover_under_snow(land, season)
    shares = np.zeros((len(MATERIALS), *under.shape), np.float32)
    for number, weight in _weights(land, under).items():
        for name, share in _MAKERS[number](place, land, season).items():
            shares[MATERIALS.index(name)] += weight * share
    _cover_with(shares, land.road, {"asphalt": 0.7, "concrete": 0.3})
    white = np.where(under == BUILT, _WHITE_PLOTS[land.town.plot] * (1 - land.town.street), _WHITE[under])
    _cover_with(shares, snow * white, {"snow": 1.0})
    open_ground = ~np.isin(under, (WATER, TREES, BUILT))
    return Surface(np.where(open_ground & (snow > 0.5), np.uint8(SNOW), under), shares)


def _cover_under_snow(land: Landscape, season: Season) -> npt.NDArray[np.uint8]:
    cover = land.cover.copy()
    level = 0.15 * season.water_level
    cover[(land.lake < level) & (cover != BUILT)] = WATER
    cover[(land.lake >= level) & (land.lake < 0) & (cover == WATER) & (land.depth < 0)] = BARE
    if season.lush < 0.35:
        cover[(cover == FLOODED) & (land.noise["soft"] > 0)] = GRASS
    return cover


def _snow(place: Place, land: Landscape, season: Season) -> Plane:
    """Share of open ground under snow, (H, W)."""
    patches = 0.9 * land.noise["mottle"] + 0.5 * land.noise["soft"] + 0.2 * land.noise["crown"]
    frost = patches - season.temperature(place, land.height)
    return season.snowfall * smoothstep(frost, -0.5, 3.0)


def _weights(land: Landscape, cover: npt.NDArray[np.uint8]) -> dict[int, Plane]:
    """Share of each cover in each pixel, 1 or 0 but where wild covers meet; covers that are nowhere are left out."""
    weights = {number: (cover == number).astype(np.float32) for number in _MAKERS}
    wild = (cover == land.cover) & np.isin(cover, NATURAL)
    for number, share in zip(NATURAL, land.blend, strict=True):
        weights[number] = np.where(wild, share, weights[number])
    return {number: weight for number, weight in weights.items() if weight.any()}


def _cover_with(shares: Plane, part: Plane, materials: dict[str, float]) -> None:
    shares *= 1 - part
    for name, share in materials.items():
        shares[MATERIALS.index(name)] += part * share


def _soil(place: Place, tone: Plane, share: Plane) -> _Shares:
    """The soils of a place, darker where tone is near 0 and paler where it is near 1, as `share` of the pixel."""
    dark, red, pale = place.soils
    odds = {"dark soil": dark * (1.3 - tone), "red soil": np.full_like(tone, red), "pale soil": pale * (0.3 + tone)}
    scale = share / np.add.reduce(list(odds.values()))
    return {name: odd * scale for name, odd in odds.items()}


def _water(place: Place, land: Landscape, season: Season) -> _Shares:
    flow = 0.15 * land.noise["bend"] + 0.05 * land.noise["soft"]
    mud = np.asarray(np.clip(flow + (1.5 * place.turbidity - 0.25 + 0.1 * season.water_level), 0.02, 1), np.float32)
    return {"turbid water": mud, "clear water": 1 - mud}


def _trees(place: Place, land: Landscape, season: Season) -> _Shares:
    shade = np.clip(0.3 + 0.15 * land.noise["crown"], 0.04, 0.75)
    needle = smoothstep(land.noise["stand"] + 3.4 * place.conifers - 1.7, -0.3, 0.3) * (1 - shade)
    broad = 1 - shade - needle
    leaves = broad * (0.15 + 0.85 * season.leaf)
    return {
        "shade": shade,
        "needleleaf": needle,
        "broadleaf": leaves * (1 - 0.6 * season.autumn),
        "straw": leaves * 0.35 * season.autumn,
        "twigs": broad - leaves + leaves * 0.25 * season.autumn,
    }


def _grass(place: Place, land: Landscape, season: Season) -> _Shares:
    green = np.clip(season.lush * (0.85 + 0.12 * land.noise["soft"]) + 0.08 * land.noise["mottle"], 0.03, 0.97)
    worn = np.clip(0.12 + 0.12 * place.aridity + 0.06 * land.noise["drain"], 0, 0.4) * (1 - green)
    return {"herb": green * 0.9, "shade": green * 0.1, "straw": 1 - green - worn} | _soil(place, _tone(land), worn)


def _flooded(place: Place, land: Landscape, season: Season) -> _Shares:
    creek = np.exp(-np.square(land.noise["drain"] / 0.13))
    level = 0.3 * season.water_level
    pools = smoothstep(land.noise["mottle"] + 0.5 * land.noise["crown"], -0.5 - level, 1.0 - level)
    open_water = np.clip(np.maximum(creek, 0.85 * pools), 0.08, 0.95)
    green = np.clip(0.3 + 0.7 * season.lush + 0.1 * land.noise["crown"], 0, 1) * (1 - open_water)
    return {
        "clear water": open_water * (1 - place.turbidity),
        "turbid water": open_water * place.turbidity,
        "reed": green,
        "straw": 0.5 * (1 - open_water - green),
        "twigs": 0.5 * (1 - open_water - green),
    }


def _crops(place: Place, land: Landscape, season: Season) -> _Shares:
    farm, noise = land.farm, land.noise
    patchy = 1 + 0.1 * noise["soft"] + 0.06 * noise["mottle"]
    rows = 0.05 * np.sin(farm.cells.along * 2 * np.pi / 3.3) * (farm.span < 1000)
    green = np.clip(farm.green(season.day) * patchy + rows, 0, 1)
    ripe = np.clip(farm.ripe(season.day) * patchy, 0, 1 - green)
    lines = 0.3 + 0.16 * np.sin(farm.cells.along * 2 * np.pi / 2.6) + 0.1 * noise["grain"]
    grove = farm.orchard * np.clip(lines + 0.2 * (farm.vigour - 0.8), 0, 0.8)
    keep = 1 - 0.85 * farm.orchard
    green, ripe = green * keep, ripe * keep
    hedge, verge = farm.border * farm.hedge, farm.border * (1 - farm.hedge)
    inside = 1 - farm.border
    rest = np.clip(1 - green - ripe - grove, 0, 1)
    scale = inside / (green + ripe + grove + rest)
    shares = {
        "herb": green * scale + verge * 0.5 * season.lush,
        "straw": ripe * scale + verge * (1 - 0.5 * season.lush) * 0.5,
        "broadleaf": grove * scale * 0.75 + hedge * 0.65 * season.leaf,
        "twigs": hedge * 0.65 * (1 - season.leaf),
        "shade": grove * scale * 0.25 + hedge * 0.35,
    }
    return shares | _soil(place, farm.tone, rest * scale + verge * (1 - 0.5 * season.lush) * 0.5)


def _shrub(place: Place, land: Landscape, season: Season) -> _Shares:
    bush = smoothstep(
        land.noise["crown"] + 0.5 * land.noise["mottle"], -1.1 + 0.7 * place.aridity, 0.7 + 0.7 * place.aridity
    )
    floor = 1 - bush
    green = floor * 0.5 * season.lush
    straw = (floor - green) * np.clip(0.75 - 0.5 * place.aridity, 0, 1)
    bush_green = 0.55 + 0.25 * season.leaf
    return {
        "broadleaf": bush * bush_green * 0.6,
        "needleleaf": bush * bush_green * 0.4,
        "twigs": bush * (0.8 - bush_green),
        "shade": bush * 0.2,
        "herb": green,
        "straw": straw,
    } | _soil(place, _tone(land), floor - green - straw)


def _bare(place: Place, land: Landscape, season: Season) -> _Shares:
    gully = np.exp(-np.square(land.noise["drain"] / 0.2))
    sand = np.clip(place.aridity - 0.35 + 0.25 * land.noise["soft"], 0, 1) * (1 - 0.6 * gully)
    rock = (1 - sand) * smoothstep(land.noise["stand"] + land.height * 0.01, 0.0, 3.5)
    tuft = (1 - sand - rock) * np.clip(0.12 + 0.08 * land.noise["mottle"] - 0.1 * place.aridity, 0, 0.3)
    shade = (1 - sand - rock - tuft) * np.clip(0.12 * gully + 0.05 + 0.04 * land.noise["grain"], 0, 0.4)
    return {"sand": sand, "rock": rock, "straw": tuft, "shade": shade} | _soil(
        place, _tone(land), 1 - sand - rock - tuft - shade
    )


def _built(place: Place, land: Landscape, season: Season) -> _Shares:
    town = land.town
    street = np.maximum(town.street, town.roof_edge)
    plots = (1 - street) * np.clip(0.88 + 0.14 * land.noise["grain"], 0.5, 1)
    on = {name: plots * (town.plot == number) for number, name in enumerate(PLOTS)}
    loose = 0.35 * (1 - land.density)  # towns fray out into green
    green = on["garden"] + loose * (on["dark roof"] + on["asphalt"])
    firm = 1 - loose
    return {
        "tile": on["tile"],
        "dark roof": on["dark roof"] * firm,
        "concrete": on["concrete"] + 0.35 * street,
        "metal": on["metal"],
        "asphalt": on["asphalt"] * firm + 0.65 * street,
        "herb": green * season.lush,
        "straw": green * (1 - season.lush),
        "broadleaf": on["grove"] * 0.8 * season.leaf,
        "twigs": on["grove"] * 0.8 * (1 - season.leaf),
        "shade": on["grove"] * 0.2 + (1 - street - plots),
    }


def _tone(land: Landscape) -> Plane:
    return np.clip(0.5 + 0.25 * land.noise["soft"] + 0.15 * land.noise["mottle"], 0, 1)


_WHITE = np.full(len(COVERS), 0.95, np.float32)
_WHITE[[TREES, WATER]] = 0.12, 0.0  # how much of the snow that fell can be seen
_WHITE_PLOTS = np.array([0.28, 0.35, 0.2, 0.1, 0.06, 0.7, 0.15], np.float32)  # likewise, for each of PLOTS
_MAKERS = {
    WATER: _water,
    TREES: _trees,
    GRASS: _grass,
    FLOODED: _flooded,
    CROPS: _crops,
    SHRUB: _shrub,
    BUILT: _built,
    BARE: _bare,
}
