"""Towns: street blocks, and what stands on each plot within them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_data.synthetic.cells import Cells, divide, either, frame
from eo_data.synthetic.fields import Plane
from eo_data.synthetic.places import Place

PLOTS = ("tile", "dark roof", "concrete", "metal", "asphalt", "garden", "grove")
"""What a plot may hold."""


@dataclass(frozen=True)
class Town:
    """The streets and plots of one place, whether or not a town grew there. Planes are (H, W)."""

    blocks: Cells
    street: Plane
    """Share of the pixel that is street."""
    plot: npt.NDArray[np.intp]
    """Index into `PLOTS`."""
    roof_edge: Plane
    """Share of the pixel that lies open between large roofs."""


def draw_town(rng: np.random.Generator, place: Place, noise: dict[str, Plane]) -> Town:
    """Houses on small plots in most blocks, large roofs in the blocks of industry, parks in a few."""
    zone = noise["street zone"] > 0
    bends = 0.6 * place.field_bend * noise["bend"]
    frames = [frame(len(bends), place.angle + turn, bends) for turn in (0.0, rng.uniform(0.4, 1.2))]

    def system(width: float, length: float, spread: float) -> Cells:
        first, second = (divide(rng, uv, width=width, length=length, spread=spread) for uv in frames)
        return either(first, second, zone)

    blocks, houses, halls = system(*place.block_size, 0.25), system(2.1, 2.6, 0.3), system(5.0, 8.0, 0.4)
    use = rng.random(blocks.count)[blocks.ids]
    industry = use < place.industry
    same = rng.random(houses.count)[houses.ids] < 0.45  # neighbours build alike
    plot = np.where(
        industry,
        rng.choice(len(PLOTS), size=halls.count, p=_hall_shares(place))[halls.ids],
        np.where(
            same,
            rng.choice(len(PLOTS), size=blocks.count, p=_house_shares(place))[blocks.ids],
            rng.choice(len(PLOTS), size=houses.count, p=_house_shares(place))[houses.ids],
        ),
    )
    park = use > 1 - 0.12 * place.gardens - 0.02
    plot[park] = np.where(noise["crown"] > 0.2, PLOTS.index("grove"), PLOTS.index("garden"))[park]
    avenue = rng.random(blocks.count)[blocks.ids] < 0.3
    return Town(
        blocks=blocks,
        street=np.clip(0.75 + 0.25 * avenue.astype(np.float32) - blocks.border, 0, 0.85),
        plot=plot,
        roof_edge=np.where(industry, np.clip(1.1 - halls.border, 0, 0.9), np.float32(0)),
    )


def _house_shares(place: Place) -> npt.NDArray[np.float64]:
    built = 1 - place.gardens
    roofs = built * 0.72
    return np.array([
        roofs * place.tiles,
        roofs * (1 - place.tiles) * 0.85,
        roofs * (1 - place.tiles) * 0.15 + built * 0.1,
        built * 0.015,
        built * 0.165,
        place.gardens * 0.6,
        place.gardens * 0.4,
    ])  # fmt: skip


def _hall_shares(place: Place) -> npt.NDArray[np.float64]:
    return np.array([0.1 * place.tiles, 0.16, 0.32, 0.12, 0.4 - 0.1 * place.tiles, 0.0, 0.0])
