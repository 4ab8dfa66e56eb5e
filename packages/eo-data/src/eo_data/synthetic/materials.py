"""What the surface is made of: reflectance in the Sentinel-2 bands and backscatter in the Sentinel-1 ones.

One table serves both sensors, so that they see the same mixtures. The numbers are rounded from what spectral libraries
and averaged scenes commonly show; they are plausible, not measured.
"""

import numpy as np

from eo_data.sensors import SENSORS
from eo_data.synthetic.fields import Plane

BANDS = SENSORS["sentinel2-l2a"].band_names
"""The bands that see the ground; B10 sees only high cloud."""

# Surface reflectance in per cent: B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12, then VV and VH in dB.
_TABLE: dict[str, tuple[float, ...]] = {
    "broadleaf": (1.5, 1.9, 4.2, 2.2, 7.0, 23, 30, 32, 33.5, 34, 16, 7, -8.5, -14.0),
    "needleleaf": (1.2, 1.5, 2.8, 1.8, 4.4, 13, 17, 18.5, 20, 20.5, 9.0, 3.8, -9.0, -14.5),
    "herb": (1.8, 2.6, 6.0, 3.0, 9.5, 32, 41, 43, 45, 46, 22, 10.5, -12.0, -18.5),
    "straw": (5.0, 7.0, 11.5, 15.5, 18.5, 23, 26, 28.5, 31, 32, 38, 26, -13.5, -20.5),
    "twigs": (3.2, 4.2, 6.0, 7.2, 9.5, 14, 16.5, 18, 20, 21, 21, 14, -9.5, -16.0),
    "dark soil": (5.0, 6.0, 8.2, 10.5, 12.5, 14, 15, 16.5, 17.5, 18, 25, 21, -12.5, -22.0),
    "red soil": (4.0, 5.5, 9.0, 17.5, 20.5, 22.5, 24, 25.5, 27, 27.5, 37, 32, -12.0, -21.5),
    "pale soil": (8.5, 11.5, 16.5, 21.5, 24, 25.5, 27, 28.5, 30, 30.5, 39, 33, -13.5, -23.0),
    "sand": (12, 16, 22.5, 29, 32, 34, 35.5, 37, 38.5, 39, 47, 43, -19.0, -28.0),
    "rock": (8.5, 9.8, 12, 14, 15.2, 16, 16.5, 17, 17.5, 17.8, 20, 18, -10.5, -18.5),
    "clear water": (3.2, 3.2, 2.6, 1.1, 0.9, 0.7, 0.7, 0.6, 0.5, 0.5, 0.2, 0.1, -21.5, -28.5),
    "turbid water": (4.6, 6.2, 9.2, 7.8, 6.8, 3.6, 3.4, 2.7, 2.2, 1.8, 0.5, 0.3, -20.5, -27.5),
    "reed": (1.8, 2.6, 5.4, 3.4, 8.2, 18.5, 23.5, 25, 26, 26.5, 12, 5.5, -5.5, -14.0),
    "asphalt": (7.0, 7.8, 9.0, 9.8, 10.4, 11, 11.4, 11.8, 12.2, 12.4, 13, 12, -13.5, -21.0),
    "concrete": (14, 17, 19.5, 21.5, 22.5, 23.5, 24, 24.5, 25, 25.2, 28, 27, -7.0, -14.5),
    "tile": (5.5, 6.8, 9.6, 15.5, 18, 20, 21.5, 23, 24.5, 25, 31, 28, -3.5, -11.0),
    "metal": (35, 40, 43, 44.5, 45, 45, 45, 45, 45, 45, 42, 38, 1.5, -7.0),
    "dark roof": (4.8, 5.2, 5.8, 6.2, 6.6, 7.0, 7.4, 7.8, 8.2, 8.4, 10, 10, -3.0, -10.5),
    "snow": (86, 88, 88, 87, 86, 84, 82, 79, 76, 71, 10, 6, -14.0, -22.0),
    "shade": (0.8, 0.8, 0.7, 0.6, 0.7, 1.0, 1.2, 1.2, 1.2, 1.2, 0.8, 0.5, -9.5, -15.5),  # of crowns; radar needs no sun
}
MATERIALS: tuple[str, ...] = tuple(_TABLE)
"""Names in the order of the rows of `REFLECTANCE` and `BACKSCATTER`."""
REFLECTANCE: Plane = np.array([row[:-2] for row in _TABLE.values()], np.float32) / np.float32(100)
"""Surface reflectance, (materials, 12 bands of `BANDS`)."""
BACKSCATTER: Plane = np.exp(np.array([row[-2:] for row in _TABLE.values()], np.float32) * np.float32(np.log(10) / 10))
"""Radar backscatter in linear power, (materials, 2: VV, VH)."""
