import json
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio

from eo_data import SENSORS
from eo_data.collect import Item
from eo_data.collect.image import SENSOR_OF, Image
from eo_data.collect.layouts import LAYOUTS, quantize, write_image
from eo_data.collect.square import SIDE, Square


def image_of(product):
    sensor = SENSORS[SENSOR_OF[product]]
    dtype = np.float32 if product == "s1" else np.uint16
    rng = np.random.default_rng(0)
    bands = {
        band.name: rng.integers(1, 9000, (SIDE // band.resolution,) * 2).astype(dtype)
        - (20.5 if product == "s1" else 0)
        for band in sensor.bands
    }
    nothing = dict.fromkeys(("generated", "tile", "epsg", "cloud", "missing", "baseline", "offset_removed"))
    facts = {"id": "it", "folder": "20210101T100000_20210102T100000_T32TPR", "properties": {"view": 1}, "assets": {}}
    item = Item(product=product, time=datetime(2021, 1, 1, tzinfo=UTC), **nothing, **facts)
    bands = {band: pixels.astype(dtype) for band, pixels in bands.items()}
    return Image(item=item, square=Square(32632, 600_720, 4_999_320), bands=bands, cloud=0.0, verdict=None)


def test_reflectance_is_stored_in_the_steps_of_the_authors():
    numbers = np.array([[0, 39, 40, 100, 1000, 3000, 5000, 9999, 10000, 12000]], np.uint16)
    assert quantize(numbers).tolist() == [[0, 0, 1, 2, 25, 76, 127, 254, 255, 255]]  # conformance: downloader_quantize
    assert quantize(numbers).dtype == np.uint8


def test_seco_has_a_file_per_band_and_its_metadata(tmp_path):
    image, layout = image_of("s2a"), LAYOUTS["seco"]
    write_image(tmp_path / "a" / "b", image, layout)
    names = {path.name for path in (tmp_path / "a" / "b").iterdir()}
    numbers = ("1", "2", "3", "4", "5", "6", "7", "8", "8A", "9", "11", "12")
    assert names == {"metadata.json", *(f"B{number}.tif" for number in numbers)}
    with rasterio.open(tmp_path / "a" / "b" / "B8A.tif") as file:
        assert (file.dtypes, file.shape, file.crs.to_epsg()) == (("uint8",), (132, 132), 32632)
        assert file.bounds == (600_720, 4_996_680, 603_360, 4_999_320)
        np.testing.assert_array_equal(file.read(1), quantize(image.bands["B8A"]))
    said = json.loads((tmp_path / "a" / "b" / "metadata.json").read_text())
    assert said["bounds"] == [600_720, 4_996_680, 603_360, 4_999_320]
    assert (said["crs"], said["item"], said["properties"]) == ("EPSG:32632", "it", {"view": 1})


@pytest.mark.parametrize(
    ("product", "files", "dtype"), [("s2a", 12, "uint16"), ("s2c", 13, "uint16"), ("s1", 2, "float32")]
)
def test_ssl4eo_keeps_what_is_stored(tmp_path, product, files, dtype):
    image, layout = image_of(product), LAYOUTS["ssl4eo_s12"]
    write_image(tmp_path / "a", image, layout)
    assert len(list((tmp_path / "a").iterdir())) == files
    name, band = ("VH", "VH") if product == "s1" else ("B2", "B02")
    with rasterio.open(tmp_path / "a" / f"{name}.tif") as file:
        assert (file.dtypes, file.shape) == ((dtype,), (264, 264))
        np.testing.assert_array_equal(file.read(1), image.bands[band])


def test_places_have_the_folders_that_readers_look_for():
    assert LAYOUTS["seco"].folders("s2a", 12) == "seasonal_contrast_100k/000012"
    assert LAYOUTS["ssl4eo_s12"].folders("s1", 12) == "s1/0000012"
