"""Sensors and their bands: names, wavelengths, native resolutions and units, and the spellings found in the wild."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from eo_data.names import nearest


@dataclass(frozen=True)
class Band:
    """One channel of a sensor."""

    name: str
    """The canonical spelling, the only one used inside."""
    wavelength_um: float | None
    """Central wavelength in micrometres; None for radar."""
    resolution: int
    """Native (for `aerial` and `rgb`: typical) ground sampling distance in metres."""
    unit: str
    """What a stored number means: `dn` (digital number), `db`, `uint8`."""


@dataclass(frozen=True)
class Sensor:
    """An instrument at one processing level, with its bands in canonical order."""

    name: str
    bands: tuple[Band, ...]
    rendered: tuple[Band, ...] = ()
    """Pictures that are made of the bands, such as Sentinel-2's true colour: known by name, never meant by "all"."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """Canonical names in canonical order."""
        return tuple(band.name for band in self.bands)

    def band(self, name: str) -> Band:
        """The band of this name in any spelling; unknown names raise ValueError."""
        wanted = canonical_band(name, self.name)
        return next(band for band in (*self.bands, *self.rendered) if band.name == wanted)


# Sentinel-2 MSI (ESA user guide; wavelengths of Sentinel-2A).
_SENTINEL2 = (
    Band("B01", 0.443, 60, "dn"),
    Band("B02", 0.490, 10, "dn"),
    Band("B03", 0.560, 10, "dn"),
    Band("B04", 0.665, 10, "dn"),
    Band("B05", 0.705, 20, "dn"),
    Band("B06", 0.740, 20, "dn"),
    Band("B07", 0.783, 20, "dn"),
    Band("B08", 0.842, 10, "dn"),
    Band("B8A", 0.865, 20, "dn"),
    Band("B09", 0.945, 60, "dn"),
    Band("B10", 1.375, 60, "dn"),
    Band("B11", 1.610, 20, "dn"),
    Band("B12", 2.190, 20, "dn"),
)
_TRUE_COLOUR = (  # the 8-bit picture that ESA renders from B04, B03 and B02
    Band("TCI_R", 0.665, 10, "uint8"),
    Band("TCI_G", 0.560, 10, "uint8"),
    Band("TCI_B", 0.490, 10, "uint8"),
)
_LANDSAT8 = (  # OLI and TIRS (USGS data users handbook)
    Band("B1", 0.443, 30, "dn"),
    Band("B2", 0.482, 30, "dn"),
    Band("B3", 0.561, 30, "dn"),
    Band("B4", 0.655, 30, "dn"),
    Band("B5", 0.865, 30, "dn"),
    Band("B6", 1.609, 30, "dn"),
    Band("B7", 2.201, 30, "dn"),
    Band("B8", 0.590, 15, "dn"),
    Band("B9", 1.373, 30, "dn"),
    Band("B10", 10.895, 100, "dn"),
    Band("B11", 12.005, 100, "dn"),
)
_TABLE = (
    Sensor("sentinel2-l1c", _SENTINEL2, _TRUE_COLOUR),
    Sensor("sentinel2-l2a", tuple(band for band in _SENTINEL2 if band.name != "B10"), _TRUE_COLOUR),  # no ground in B10
    Sensor("sentinel1-grd", (Band("VV", None, 10, "db"), Band("VH", None, 10, "db"))),
    Sensor("landsat8", _LANDSAT8),
    Sensor("aerial", (Band("R", 0.65, 1, "uint8"), Band("G", 0.56, 1, "uint8"), Band("B", 0.48, 1, "uint8"))),
    Sensor(
        "naip",  # R, G, B of a NAIP orthophoto, and the near infrared that its alpha channel holds
        (
            Band("R", 0.66, 1, "uint8"),
            Band("G", 0.56, 1, "uint8"),
            Band("B", 0.46, 1, "uint8"),
            Band("NIR", 0.85, 1, "uint8"),
        ),
    ),
    Sensor("rgb", (Band("R", 0.665, 10, "uint8"), Band("G", 0.560, 10, "uint8"), Band("B", 0.490, 10, "uint8"))),
)
SENSORS: Mapping[str, Sensor] = MappingProxyType({sensor.name: sensor for sensor in _TABLE})
"""Every sensor the packages know, by name."""

# Words that data sets, STAC catalogues and other libraries use for a band, squeezed to letters and digits.
_SENTINEL2_WORDS = {
    "B01": ("coastal", "coastalaerosol", "aerosol", "aerosols"),
    "B02": ("blue",),
    "B03": ("green",),
    "B04": ("red",),
    "B05": ("rededge", "rededge1", "rededge071", "re1", "vegetationrededge1"),
    "B06": ("rededge2", "rededge075", "re2", "vegetationrededge2"),
    "B07": ("rededge3", "rededge078", "re3", "vegetationrededge3"),
    "B08": ("nir", "nir1", "nirbroad", "broadnir"),
    "B8A": ("nir08", "nir2", "nirnarrow", "narrownir", "rededge4", "re4", "vegetationrededge4"),
    "B09": ("nir09", "watervapour", "watervapor"),
    "B10": ("cirrus", "swircirrus"),
    "B11": ("swir16", "swir1"),
    "B12": ("swir22", "swir2"),
    "TCI_R": ("tcir",),
    "TCI_G": ("tcig",),
    "TCI_B": ("tcib",),
}
_LANDSAT8_WORDS = {
    "B1": ("coastal", "coastalaerosol", "aerosol"),
    "B2": ("blue",),
    "B3": ("green",),
    "B4": ("red",),
    "B5": ("nir", "nir08"),
    "B6": ("swir16", "swir1"),
    "B7": ("swir22", "swir2"),
    "B8": ("pan", "panchromatic"),
    "B9": ("cirrus",),
    "B10": ("lwir11", "tir1", "tirs1", "thermal1"),
    "B11": ("lwir12", "tir2", "tirs2", "thermal2"),
}
_RGB_WORDS = {"R": ("r", "red"), "G": ("g", "green"), "B": ("b", "blue")}
_NAIP_WORDS = {**_RGB_WORDS, "NIR": ("nir", "n", "nearinfrared")}
_RADAR_WORDS = {"VV": ("vv",), "VH": ("vh",)}
_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sentinel2-l1c": _SENTINEL2_WORDS,
    "sentinel2-l2a": _SENTINEL2_WORDS,
    "sentinel1-grd": _RADAR_WORDS,
    "landsat8": _LANDSAT8_WORDS,
    "aerial": _RGB_WORDS,
    "naip": _NAIP_WORDS,
    "rgb": _RGB_WORDS,
}
_NUMBERED = re.compile(r"(?:sr_)?b?0*(?P<number>\d{1,2}a?)(?:\s*-.*)?", re.IGNORECASE)  # B8a, 08A, SR_B4, "02 - Blue"


def get_sensor(name: str) -> Sensor:
    """The sensor of this name.

    Raises:
        ValueError: Unknown name; the message offers the nearest ones.
    """
    if name not in SENSORS:
        raise ValueError(f"unknown sensor {name!r}; {nearest(name, SENSORS)}")
    return SENSORS[name]


def canonical_band(name: str, sensor: str) -> str:
    """The one spelling of a band that is used inside, from any spelling found in the wild.

    Knows numbers (`B1`, `B01`, `01`, `B8a`, `B08A`, `08A`, `SR_B4`, `01 - Coastal aerosol`) and the common names of
    STAC and of other libraries (`nir08`, `red_edge_4`, `swir16`, `COASTAL_AEROSOL`, `vv`), whatever their case.

    Args:
        name: A band in any spelling.
        sensor: A key of `SENSORS`; the same word means different bands on different sensors.

    Raises:
        ValueError: Unknown sensor, or a band that this sensor does not have; the message offers the nearest names.
    """
    known = get_sensor(sensor)
    bands = (*known.band_names, *(band.name for band in known.rendered))
    found = _by_number(name, bands) or _by_word(name, sensor)
    if found not in bands:
        raise ValueError(f"unknown band {name!r} of {sensor}; {nearest(name, bands)} (it has {', '.join(bands)})")
    return found


def canonical_bands(names: Sequence[str] | None, sensor: str) -> tuple[str, ...]:
    """Canonical names of the bands asked for, in the order asked for; all of the sensor's for None.

    Raises:
        ValueError: An unknown band, none at all, or one twice.
    """
    if names is None:
        return get_sensor(sensor).band_names
    bands = tuple(canonical_band(name, sensor) for name in names)
    if not bands or len(set(bands)) != len(bands):
        raise ValueError(f"bands must name at least one band and none twice, got {list(names)}")
    return bands


def units_of(bands: Sequence[str], sensor: str) -> tuple[str, ...]:
    """The unit of each band."""
    return tuple(get_sensor(sensor).band(band).unit for band in bands)


def _by_number(name: str, bands: tuple[str, ...]) -> str | None:
    match = _NUMBERED.fullmatch(name.strip())
    wanted = match and match["number"].upper()
    return next((band for band in bands if wanted and band.removeprefix("B").lstrip("0") == wanted), None)


def _by_word(name: str, sensor: str) -> str | None:
    word = re.sub(r"[^a-z0-9]", "", name.casefold())
    return next((band for band, words in _WORDS[sensor].items() if word in words), None)
