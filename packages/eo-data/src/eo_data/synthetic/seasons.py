"""The year: when each image is taken, how warm it is then, and what is green."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from eo_data.synthetic.fields import Plane, smoothstep
from eo_data.synthetic.places import Place

_START = datetime(2020, 12, 21, 10, 30)
_ORDER = (2, 0, 3, 1)  # summer first: one season asked for is June, two are June and December, and so on


@dataclass(frozen=True)
class Season:
    """One date at one place."""

    number: int
    """0 December, 1 March, 2 June, 3 September."""
    date: datetime
    """When Sentinel-2 passes, UTC."""
    day: float
    """Day of the year, as if in the north: half a year later in the south."""
    leaf: float
    """Share of deciduous leaves on the trees."""
    autumn: float
    """Share of those that have turned."""
    lush: float
    """How green grass is, 0 to 1."""
    water_level: float
    """-1 (low) to 1 (high)."""
    snowfall: float
    """0 when no snow fell before the date, even if it was cold; else 1."""
    sun_elevation: float
    """Degrees above the horizon at mid-morning."""
    sun_azimuth: float
    """Degrees clockwise from north."""

    def temperature(self, place: Place, height: Plane) -> Plane:
        """°C on the ground, mean over the weeks before."""
        swing = 2 + 0.23 * abs(place.latitude)
        now = place.warmth - swing * math.cos(2 * math.pi * (self.day - 20) / 365)
        return (now - 0.0065 * place.altitude) - 0.0065 * height


def season_numbers(count: int) -> list[int]:
    """The seasons to make when `count` are asked for, in the order of time.

    Raises:
        ValueError: Not 1 to 4.
    """
    if count not in (1, 2, 3, 4):
        raise ValueError(f"seasons must be 1, 2, 3 or 4, got {count}")
    return sorted(_ORDER[:count])


def draw_season(rng: np.random.Generator, place: Place, number: int) -> Season:
    """The acquisition near the solstice or equinox of this number."""
    days = 91 * number + int(rng.integers(-18, 19))
    date = _START + timedelta(days=days, seconds=int(rng.integers(0, 3000)))
    day = float(date.timetuple().tm_yday + (182.5 if place.latitude < 0 else 0)) % 365
    leaf = _bump(day, 108, 142, 282, 318)
    seasonal = float(np.clip((abs(place.latitude) - 18) / 17, 0, 1))
    drought = _bump(day, 130, 190, 250, 320) * np.clip(1.7 * place.aridity - 0.35, 0, 1)
    frost = seasonal * float(np.clip((16 - place.warmth) / 14, 0, 1)) * (1 - _bump(day, 60, 115, 300, 345))
    declination = 23.4 * np.cos(2 * np.pi * (day - 172) / 365)
    return Season(
        number=number,
        date=date,
        day=day,
        leaf=1 - seasonal * (1 - leaf),
        autumn=seasonal * _bump(day, 255, 285, 300, 320),
        lush=float(np.clip(0.92 - 0.75 * drought - 0.6 * frost - 0.25 * place.aridity, 0.04, 1)),
        water_level=float(np.cos(2 * np.pi * (day - 80) / 365)),
        snowfall=float(rng.random() < 0.7),
        sun_elevation=float(np.clip(80 - abs(abs(place.latitude) - declination), 12, 78)),
        sun_azimuth=155.0 if place.latitude > 0 else 35.0,
    )


def _bump(day: float, rise: float, high: float, fall: float, low: float) -> float:
    x = np.array(day, dtype=np.float32)
    return float(smoothstep(x, rise, high)) * (1 - float(smoothstep(x, fall, low)))
