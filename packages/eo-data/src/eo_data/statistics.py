"""Means and standard deviations per band, each table under a name that says whose it is.

All numbers are in the unit in which the pixels are stored: digital numbers for Sentinel-2, decibels for Sentinel-1,
0 to 255 for 8-bit pictures.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypedDict

from eo_data.names import nearest

_L1C = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
_L2A = tuple(band for band in _L1C if band != "B10")
_RGB = ("R", "G", "B")


class Statistics(TypedDict):
    """Mean and standard deviation of every band, keyed by its canonical name."""

    mean: dict[str, float]
    std: dict[str, float]


def _table(bands: tuple[str, ...], mean: tuple[float, ...], std: tuple[float, ...]) -> Statistics:
    return {"mean": dict(zip(bands, mean, strict=True)), "std": dict(zip(bands, std, strict=True))}


# fmt: off
STATISTICS: Mapping[str, Statistics] = MappingProxyType({
    # SSL4EO-S12 v1, from a subset of 50,000 (zhu-xlab/SSL4EO-S12:ssl4eo_dataset.py). Version 1.1 of the data set stores
    # Sentinel-2 with 1000 added: apply {"op": "remove_offset", "value": 1000} first.
    "ssl4eo-s12-l1c": _table(
        _L1C,
        mean=(1605.57504906, 1390.78157673, 1314.8729939, 1363.52445545, 1549.44374991, 2091.74883118, 2371.7172463,
              2299.90463006, 2560.29504086, 830.06605044, 22.10351321, 2177.07172323, 1524.06546312),
        std=(786.78685367, 850.34818441, 875.06484736, 1138.84957046, 1122.17775652, 1161.59187054, 1274.39184232,
             1248.42891965, 1345.52684884, 577.31607053, 51.15431158, 1336.09932639, 1136.53823676),
    ),
    "ssl4eo-s12-l2a": _table(
        _L2A,
        mean=(752.40087073, 884.29673756, 1144.16202635, 1297.47289228, 1624.90992062, 2194.6423161, 2422.21248945,
              2517.76053101, 2581.64687018, 2645.51888987, 2368.51236873, 1805.06846033),
        std=(1108.02887453, 1155.15170768, 1183.6292542, 1368.11351514, 1370.265037, 1355.55390699, 1416.51487101,
             1474.78900051, 1439.3086061, 1582.28010962, 1455.52084939, 1343.48379601),
    ),
    "ssl4eo-s12-s1": _table(("VV", "VH"), mean=(-12.54847273, -20.19237134), std=(5.25697717, 5.91150917)),
    # An earlier, rounded estimate (zhu-xlab/SSL4EO-S12:src/download_data/convert_rgb.py); the one TorchGeo uses.
    "ssl4eo-s12-l1c-torchgeo": _table(
        _L1C,
        mean=(1612.9, 1397.6, 1322.3, 1373.1, 1561.0, 2108.4, 2390.7, 2318.7, 2581.0, 837.7, 22.0, 2195.2, 1537.4),
        std=(791.0, 854.3, 878.7, 1144.9, 1127.5, 1164.2, 1276.0, 1249.5, 1345.9, 577.5, 47.5, 1340.0, 1142.9),
    ),
    "ssl4eo-s12-s1-torchgeo": _table(("VV", "VH"), mean=(-12.59, -20.26), std=(5.26, 5.91)),
    # EuroSAT's 13-band images. TorchGeo publishes these numbers in the order of the files, whose last band is B8A; here
    # each stands under its own band. 165 real images of the train split agree within 4 % (B10's std: 15 %).
    "eurosat-ms": _table(
        _L1C,
        mean=(1354.40546513, 1118.24399958, 1042.92983953, 947.62620298, 1199.47283961, 1999.79090914, 2369.22292565,
              2296.82608323, 2594.14080798, 732.08340178, 12.11327804, 1819.01027855, 1118.92391149),
        std=(245.71762908, 333.00778264, 395.09249139, 593.75055589, 566.4170017, 861.18399006, 1086.63139075,
             1117.98170791, 1231.58581042, 404.91978886, 4.77584468, 1002.58768311, 761.30323499),
    ),
    # What SoftCon's authors feed EuroSAT with (zhu-xlab/SSL4EO-S12:eurosat_dataset.py): EuroSAT's means, but standard
    # deviations two to twenty times EuroSAT's true ones. Only to reproduce their scores.
    "eurosat-ms-softcon-authors": _table(
        _L1C,
        mean=(1353.72696296, 1117.20222222, 1041.8842963, 946.554, 1199.18896296, 2003.00696296, 2374.00874074,
              2301.22014815, 2599.78311111, 732.18207407, 12.09952894, 1820.69659259, 1118.20259259),
        std=(897.27143653, 736.01759721, 684.77615743, 620.02902871, 791.86263829, 1341.28018273, 1595.39989386,
             1545.52915718, 1750.12066835, 475.11595216, 98.26600935, 1216.48651476, 736.6981037),
    ),
    # SEN12MS (schmitt-muc/SEN12MS: the training set of its classification scripts). Its authors leave out B01, B09 and
    # B10; those stand here as SSL4EO-S12 has them, the same product from everywhere on Earth.
    "sen12ms": _table(
        ("VV", "VH", *_L1C),
        mean=(-11.76858, -18.294598, 1605.57504906, 1226.4215, 1137.3799, 1139.6792, 1350.9973, 1932.9058, 2211.1584,
              2154.9846, 2409.1128, 830.06605044, 22.10351321, 2001.8622, 1356.0801),
        std=(4.525339, 4.3586307, 786.78685367, 741.6254, 740.883, 960.1045, 946.76056, 985.52747, 1082.4341,
             1057.7628, 1136.1942, 577.31607053, 51.15431158, 1132.7898, 991.48016),
    ),
    # METER-ML, train split (stanfordmlgroup/USat); Sentinel-1 in its own whole numbers, NAIP published in 0 to 1.
    "meterml": _table(
        ("VV", "VH", "B04", "B03", "B02", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09", "B10",
         *_RGB, "NIR"),
        mean=(1653.2279, 1257.8794, 1027.2854, 1139.7004, 1195.8230, 2635.9023,
              1270.1216, 2233.1870, 2722.1499, 2968.0166, 2103.8994, 1304.2429, 1409.5294, 807.4094, 16.8547,
              0.4323 * 255, 0.4656 * 255, 0.3873 * 255, 0.4848 * 255),
        std=(290.1448, 280.2737, 729.7542, 549.4569, 519.0011, 1053.8544,
             666.4895, 798.9017, 1053.4434, 1164.7076, 997.3839, 861.1730, 413.6848, 419.1820, 55.8404,
             0.1865 * 255, 0.1578 * 255, 0.1506 * 255, 0.2104 * 255),
    ),
    # What SupCon_SSL's authors feed METER-ML with.
    "meterml-supcon": _table(
        ("VV", "VH", "B04", "B03", "B02", "B08"),
        mean=(1652.7944, 1258.3584, 1025.2214, 1138.3673, 1194.6796, 2637.0828),
        std=(290.2874, 280.4149, 724.7973, 545.1207, 514.9276, 1051.9325),
    ),
    # BigEarthNet v1 (ServiceNow/seasonal-contrast:datasets/bigearthnet_dataset.py); v2 was made by a newer sen2cor, so
    # that its pixels differ. Sentinel-1 as zhu-xlab/DeCUR has it.
    "bigearthnet-s2": _table(
        _L2A,
        mean=(340.76769064, 429.9430203, 614.21682446, 590.23569706, 950.68368468, 1792.46290469, 2075.46795189,
              2218.94553375, 2266.46036911, 2246.0605464, 1594.42694882, 1009.32729131),
        std=(554.81258967, 572.41639287, 582.87945694, 675.88746967, 729.89827633, 1096.01480586, 1273.45393088,
             1365.45589904, 1356.13789355, 1302.3292881, 1079.19066363, 818.86747235),
    ),
    "bigearthnet-s1": _table(("VV", "VH"), mean=(-12.59, -19.22), std=(5.04, 5.42)),
    # OSCD: all pixels of both dates of five of its 14 train cities (bercy, bordeaux, nantes, paris, rennes), with bands
    # of 20 m and 60 m resampled to 10 m.
    "oscd": _table(
        _L1C,
        mean=(1501.275, 1244.761, 1074.781, 999.8786, 1106.9597, 1470.0006, 1656.1153, 1572.5319, 1752.0243, 484.7754,
              15.07417, 1524.5525, 1140.76),
        std=(174.8401, 262.2799, 286.3384, 377.3648, 307.8213, 466.6228, 585.3851, 675.0476, 678.3994, 223.981,
             10.54241, 645.7459, 553.8174),
    ),
    # EuroSAT's pictures, uint8: exact over all pixels of 9,000 JPEGs of the official train split.
    "eurosat-rgb": _table(_RGB, mean=(87.99416, 97.04662, 104.10125), std=(51.69525, 34.98338, 29.60155)),
    # ImageNet's usual numbers (0.485, 0.456, 0.406; 0.229, 0.224, 0.225) in uint8 units: times 255.
    "imagenet-rgb": _table(_RGB, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
})
# fmt: on

RANGES: Mapping[str, Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        # ServiceNow/seasonal-contrast:datasets/seco_utils.py: 2 % and 98 % quantiles of 3,000 images, of stored uint8.
        "seco": {"B02": (3, 88), "B03": (2, 103), "B04": (0, 129)},
        # ServiceNow/seasonal-contrast:datasets/oscd_dataset.py, of L1C digital numbers.
        "oscd": {"B02": (885, 2620), "B03": (667, 2969), "B04": (426, 3698)},
    }
)
"""What published code takes for black and for white, per band."""


def statistics_for(name: str) -> Statistics:
    """The table of this name; unknown names raise ValueError with the nearest ones."""
    if name not in STATISTICS:
        raise ValueError(f"unknown statistics {name!r}; {nearest(name, STATISTICS)}")
    return STATISTICS[name]
