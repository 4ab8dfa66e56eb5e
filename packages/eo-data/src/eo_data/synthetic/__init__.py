"""A seeded, procedural Earth: places with land cover, seasons and weather, seen by Sentinel-1 and Sentinel-2."""

from eo_data.synthetic.bigearthnet import write_bigearthnet
from eo_data.synthetic.eurosat import write_eurosat
from eo_data.synthetic.folder import write_geotiff_folder
from eo_data.synthetic.meterml import write_meterml
from eo_data.synthetic.oscd import write_oscd
from eo_data.synthetic.pairs import write_dfc2020, write_sen12ms
from eo_data.synthetic.places import COVERS, Place
from eo_data.synthetic.scenes import Acquisition, Scene, scene
from eo_data.synthetic.seco import write_seco
from eo_data.synthetic.ssl4eo import write_ssl4eo_s12, write_ssl4eo_s12_ml

__all__ = [
    "COVERS",
    "Acquisition",
    "Place",
    "Scene",
    "scene",
    "write_bigearthnet",
    "write_dfc2020",
    "write_eurosat",
    "write_geotiff_folder",
    "write_meterml",
    "write_oscd",
    "write_seco",
    "write_sen12ms",
    "write_ssl4eo_s12",
    "write_ssl4eo_s12_ml",
]
