import numpy as np
import pytest
import rasterio
from rasterio import Affine

from eo_data.synthetic.geotiff import encode


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 7, 5), (13, 66, 64), (1, 264, 264)])
def test_gdal_reads_back_what_was_encoded(tmp_path, dtype, shape):
    pixels = (np.random.default_rng(0).random(shape) * 250).astype(dtype)
    names = [f"band {number}" for number in range(shape[0])]
    path = tmp_path / "image.tif"
    path.write_bytes(encode(pixels, epsg=32733, origin=(300_000.0, 6_200_040.0), pixel_size=20, descriptions=names))
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), pixels)
        assert file.crs.to_epsg() == 32733
        assert file.transform == Affine(20, 0, 300_000, 0, -20, 6_200_040)
        assert file.descriptions == tuple(names)
        assert file.dtypes == (np.dtype(dtype).name,) * shape[0]


def test_files_of_a_kind_differ_by_pixels_and_corner_alone():
    black = np.zeros((1, 12, 12), np.uint16)
    first, second = (encode(black, epsg=32601, origin=(easting, 60.0), pixel_size=10) for easting in (60.0, 120.0))
    assert len(first) == len(second) == len(black.tobytes()) + len(encode(black[:, :6], **GRID)) - 144
    assert first != second


GRID = {"epsg": 32601, "origin": (60.0, 60.0), "pixel_size": 10}
