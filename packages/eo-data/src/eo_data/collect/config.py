"""What to collect."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from eo_data.collect.layouts import LAYOUTS, Layout
from eo_data.collect.places import Place, listed_places, on_land, random_places, round_cities
from eo_data.names import choose

SOURCES = ("earth-search", "planetary-computer", "earth-engine")


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """A collection. What a place shows depends on the seed and its number alone, and on what the source has."""

    output: Path
    """Folder; the same collection in it, unfinished or smaller, is continued."""
    count: int | None = None
    """How many places; None: all rows of a file of places."""
    layout: Literal["seco", "ssl4eo_s12"] = "seco"
    """Tree to write: SeCo (five dates, uint8) or SSL4EO-S12 (four dates, as stored)."""
    products: tuple[str, ...] | None = None
    """For ssl4eo_s12 `s2a`, `s2c`, `s1` or several of them, as the source has them; None: s2a."""
    source: Literal["earth-search", "planetary-computer", "earth-engine"] = "earth-search"
    """Where from: two public STAC APIs, or Earth Engine with an account."""
    url: str | None = None
    """Another address of the same STAC API, such as a mirror."""
    project: str | None = None
    """Cloud project for Earth Engine."""
    places: str = "cities"
    """`cities` (round the 10,000 most populous), `land` (uniform), or a CSV file with longitude and latitude."""
    spread_km: float = 50.0
    """Standard deviation of the distance from a city."""
    seed: int = 0
    """Of places and dates."""
    draws: int = 5
    """How many points to try before a random place is dropped."""
    until: date | None = None
    """The latest season's middle, before the shift; None: 28 days before the collection began."""
    max_cloud: float | None = None
    """Cloud cover of a scene in percent that is still looked at; None: 10 for seco, 20 for ssl4eo_s12."""
    window_cloud: float = 0.0
    """Share of the square that may be cloud by the scene classification."""
    workers: int = 8
    """Places at a time."""
    attempts: int = 6
    """How often to ask a server that fails before a place is left for the next run."""
    timeout: float = 60.0
    """Seconds of silence after which a connection counts as broken."""

    def __post_init__(self) -> None:
        choose("layout", self.layout, tuple(LAYOUTS))
        choose("source", self.source, SOURCES)
        for name, low in (("count", 1), ("draws", 1), ("workers", 1), ("attempts", 1), ("seed", 0), ("spread_km", 0)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise ValueError(f"{name} must be at least {low}, got {value}")
        if self.count is None and self.places in ("cities", "land"):
            raise ValueError(f"count says how many places to draw; places={self.places!r} needs it")
        if not 0 <= self.window_cloud <= 1:
            raise ValueError(f"window_cloud is a share between 0 and 1, got {self.window_cloud}")
        for product in self.wanted:
            choose(f"product of layout {self.layout}", product, self.form.products)

    @property
    def form(self) -> Layout:
        """The layout itself."""
        return LAYOUTS[self.layout]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The products."""
        return tuple(dict.fromkeys(self.products or self.form.products[:1]))

    @property
    def cloud_limit(self) -> float:
        """Percent of the scene."""
        return self.form.max_cloud if self.max_cloud is None else self.max_cloud

    def all_places(self) -> Iterator[Place]:
        """Every place, in order; random ones as many as `count`."""
        if self.places in ("cities", "land"):
            assert self.count is not None
            sampler = on_land if self.places == "land" else round_cities(self.spread_km)
            return random_places(self.count, seed=self.seed, draws=self.draws, sampler=sampler)
        listed = list(listed_places(Path(self.places), seed=self.seed))
        if self.count is not None and self.count > len(listed):
            raise ValueError(f"{self.places} has {len(listed)} places, not {self.count}; pass a smaller count or none")
        return iter(listed[: self.count])

    def identity(self, until: date) -> dict[str, object]:
        """What makes this collection another one than those with other values; JSON."""
        return {
            "layout": self.layout,
            "products": list(self.wanted),
            "source": self.source,
            "places": Path(self.places).name,
            "spread_km": self.spread_km,
            "seed": self.seed,
            "draws": self.draws,
            "until": until.isoformat(),
            "max_cloud": self.cloud_limit,
            "window_cloud": self.window_cloud,
        }
