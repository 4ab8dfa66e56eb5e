import numpy as np
import pytest
import rasterio

from eo_data import SSL4EOS12
from eo_data import grid as grid_module
from eo_data.mosaic import read_header, read_mosaic


def one(write_geotiff, path, pixels):
    return write_geotiff(path, pixels[None])


@pytest.fixture
def files(tmp_path, write_geotiff):
    """Three files of 16 bits, of 8, 4 and 2 pixels a side, the second with an & in its name."""
    generator = np.random.default_rng(0)
    names = {"a.tif": 8, "b&c.tif": 4, "d.tif": 2}
    return [
        one(write_geotiff, tmp_path / name, generator.integers(0, 9000, (side, side), np.uint16))
        for name, side in names.items()
    ]


def by_rasterio(path, size, resampling):
    with rasterio.open(path) as file:
        return file.read(1, out_shape=size, resampling=rasterio.enums.Resampling[resampling])


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("size", [(8, 8), (4, 4), (8, 6)])
def test_the_bands_are_those_that_rasterio_reads_one_by_one(files, size, resampling):
    pixels = read_mosaic(files, [read_header(path) for path in files], size, resampling)
    assert pixels.dtype == np.uint16
    for band, path in zip(pixels, files, strict=True):
        assert (band == by_rasterio(path, size, resampling)).all()


def test_headers(files, tmp_path, write_geotiff):
    assert [read_header(path)[:2] for path in files] == [(8, 8), (4, 4), (2, 2)]
    radar = one(write_geotiff, tmp_path / "vv.tif", np.zeros((3, 5), np.float32))
    assert read_header(radar) == (3, 5, 32, 3)
    assert read_header(write_geotiff(tmp_path / "two.tif", np.zeros((2, 3, 5), np.uint8))) is None
    (tmp_path / "short.tif").write_bytes(radar.read_bytes()[:20])
    (tmp_path / "text.tif").write_text("no TIFF at all")
    (tmp_path / "empty.tif").write_bytes(b"")
    assert [read_header(tmp_path / name) for name in ("short.tif", "text.tif", "empty.tif")] == [None] * 3


def test_what_is_read_one_by_one_instead(files, tmp_path, write_geotiff):
    headers = [read_header(path) for path in files]
    assert read_mosaic(files, headers, (8, 8), "average") is None
    other = one(write_geotiff, tmp_path / "int.tif", np.zeros((8, 8), np.int16))
    assert read_mosaic([*files, other], [*headers, read_header(other)], (8, 8), "bilinear") is None
    assert read_mosaic(files, [None, *headers[1:]], (8, 8), "bilinear") is None
    nan = one(write_geotiff, tmp_path / "nan.tif", np.full((8, 8), np.nan, np.float32))
    assert read_mosaic([nan], [read_header(nan)], (8, 8), "bilinear") is None
    content = files[0].read_bytes()
    files[0].write_bytes(content[:-40])
    assert read_mosaic(files, headers, (8, 8), "bilinear") is None


@pytest.mark.parametrize("resolution", [10, 20, "native"])
def test_a_data_set_reads_the_same_either_way(real_data, monkeypatch, resolution):
    dataset = SSL4EOS12(real_data / "ssl4eo_s12_like", seasons=1, resolution=resolution)
    at_once = dataset[1]
    monkeypatch.setattr(grid_module, "read_mosaic", lambda *arguments: None)
    one_by_one = dataset[1]
    for key in at_once.keys() - {"id"}:
        assert at_once[key].dtype == one_by_one[key].dtype
        assert (at_once[key].int() == one_by_one[key].int()).all()
