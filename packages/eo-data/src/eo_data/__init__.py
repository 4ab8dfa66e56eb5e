"""Earth-observation data sets: bands by name, units, normalization, synthetic Earth."""

from eo_data.normalize import NORMALIZATIONS, Normalize, Step, normalization_for, standardize_by
from eo_data.sensors import SENSORS, Band, Sensor, canonical_band
from eo_data.statistics import STATISTICS, Statistics

__all__ = [
    "NORMALIZATIONS",
    "SENSORS",
    "STATISTICS",
    "Band",
    "Normalize",
    "Sensor",
    "Statistics",
    "Step",
    "canonical_band",
    "normalization_for",
    "standardize_by",
]
