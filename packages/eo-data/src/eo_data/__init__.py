"""Earth-observation data sets: bands by name, units, normalization, synthetic Earth."""

from eo_data.batches import EpochBatches
from eo_data.bigearthnet import BigEarthNet
from eo_data.collect import CollectConfig, Collected, collect
from eo_data.compute import compute_statistics
from eo_data.dataset import ImageDataset, Part, Sample
from eo_data.dfc2020 import DFC2020
from eo_data.eurosat import EuroSAT
from eo_data.footprint import footprint_wkb
from eo_data.geotiff_folder import GeoTIFFFolder
from eo_data.meterml import MeterML
from eo_data.native import native_images, on_one_grid
from eo_data.normalize import NORMALIZATIONS, Normalize, Step, normalization_for, standardize_by
from eo_data.oscd import OSCD
from eo_data.packed import PackedDataset
from eo_data.packing import pack, verify_packed
from eo_data.seco import SeCo
from eo_data.sen12ms import SEN12MS
from eo_data.sensors import SENSORS, Band, Sensor, canonical_band
from eo_data.ssl4eo_s12 import SSL4EOS12
from eo_data.ssl4eo_s12_ml import SSL4EOS12ML
from eo_data.statistics import STATISTICS, Statistics

__all__ = [
    "DFC2020",
    "NORMALIZATIONS",
    "OSCD",
    "SEN12MS",
    "SENSORS",
    "SSL4EOS12",
    "SSL4EOS12ML",
    "STATISTICS",
    "Band",
    "BigEarthNet",
    "CollectConfig",
    "Collected",
    "EpochBatches",
    "EuroSAT",
    "GeoTIFFFolder",
    "ImageDataset",
    "MeterML",
    "Normalize",
    "PackedDataset",
    "Part",
    "Sample",
    "SeCo",
    "Sensor",
    "Statistics",
    "Step",
    "canonical_band",
    "collect",
    "compute_statistics",
    "footprint_wkb",
    "native_images",
    "normalization_for",
    "on_one_grid",
    "pack",
    "standardize_by",
    "verify_packed",
]
