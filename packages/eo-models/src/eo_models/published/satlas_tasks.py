"""The task heads inside Satlas' files: which file holds which, by number, and of what form (allenai/satlas:configs)."""

from collections.abc import Mapping
from types import MappingProxyType

# Task: what its head gives, and how many; detect and instance count the background.
TASKS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "polygon": ("instance", 27),
        "point": ("detect", 16),
        "land_cover": ("segment", 12),
        "bin_segment": ("binary_segment", 47),
        "polyline_bin_segment": ("binary_segment", 6),
        "dem": ("regress", 1),
        "crop_type": ("segment", 17),
        "tree_cover": ("regress", 1),
        "park_sport": ("classify", 9),
        "park_type": ("classify", 4),
        "power_plant_type": ("classify", 4),
        "quarry_resource": ("classify", 5),
        "track_sport": ("classify", 3),
        "road_type": ("classify", 9),
        "wildfire": ("binary_segment", 2),
        "vessel": ("detect", 2),
        "smoke": ("classify", 3),
        "snow": ("classify", 3),
        "flood": ("binary_segment", 2),
        "cloud": ("binary_segment", 3),
        "rooftop_solar_panel": ("detect", 2),
        "building": ("instance", 2),
    }
)

_REGRESSIONS = ("dem", "crop_type", "tree_cover")
_PROPERTIES = ("park_sport", "park_type", "power_plant_type", "quarry_resource", "track_sport", "road_type")
_OBJECTS = ("polygon", "point")
_FEW = (*_OBJECTS, "land_cover", *_REGRESSIONS)
_LINES = (*_OBJECTS, "land_cover", "polyline_bin_segment", *_REGRESSIONS, *_PROPERTIES)
_EVENTS = (*_LINES, "wildfire", "vessel", "smoke", "snow")
_ROOFS = ("rooftop_solar_panel", "building")
_OTHERS = {
    "swin_v2_b.satlas_s2_si_rgb": (*_EVENTS, "flood", "cloud"),
    "swin_v2_b.satlas_s2_mi_rgb": _FEW,
    "swin_v2_b.satlas_s2_si_ms": (*_FEW, *_PROPERTIES, "vessel"),
    "swin_v2_b.satlas_s2_mi_ms": _FEW,
    "swin_v2_b.satlas_s1_si": _LINES,
    "swin_v2_b.satlas_s1_mi": _LINES,
    "swin_v2_b.satlas_landsat_si": _LINES,
    "swin_v2_b.satlas_landsat_mi": _LINES,
    "swin_v2_b.satlas_aerial_si": (*_OBJECTS, "bin_segment", "land_cover", *_REGRESSIONS, *_PROPERTIES, *_ROOFS),
    "swin_v2_b.satlas_aerial_mi": (*_FEW, *_ROOFS),
}

MAX_POOLED = "swin_v2_b.satlas_s2_si_ms"
"""Its classifications take the greatest values of the finest map; those of other files the mean of the last map."""
READS_BACKBONE = "swin_v2_b.satlas_aerial_si"
"""The last map that its classifications read is the backbone's, not the neck's."""


def tasks_of(weights: str) -> tuple[str, ...]:
    """The tasks of published weights, by name, in the order of their heads' numbers; () for weights without."""
    return _OTHERS.get(weights, _EVENTS if ".satlas_" in weights else ())
