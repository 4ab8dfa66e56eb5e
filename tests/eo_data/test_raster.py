import numpy as np
import pytest
import torch
import torch.nn.functional as F

from eo_data.crops import Window
from eo_data.raster import open_geotiff, read_bands, read_geotiff, read_jpeg, resample

NAMES = ("B02", "B03", "B04")


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 10000, (3, 48, 40), dtype=np.uint16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_bands_come_by_name_in_the_stored_dtype(tmp_path, write_geotiff, pixels, dtype):
    path = write_geotiff(tmp_path / "image.tif", (pixels % 200).astype(dtype))
    image = read_geotiff(path, ("B04", "B02"), file_bands=NAMES)
    assert image.numpy().dtype == dtype
    np.testing.assert_array_equal(image.numpy(), (pixels % 200)[[2, 0]])


def test_bilinear_resampling_to_a_finer_grid_is_the_usual_one(tmp_path, write_geotiff):
    coarse = np.random.default_rng(0).normal(size=(1, 6, 6)).astype(np.float32)
    path = write_geotiff(tmp_path / "image.tif", coarse)
    fine = read_geotiff(path, ("VV",), file_bands=("VV",), size=(36, 36))
    expected = F.interpolate(torch.from_numpy(coarse)[None], size=(36, 36), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(fine, expected, atol=1e-5, rtol=1e-5)


def test_other_resampling(tmp_path, write_geotiff, pixels):
    path = write_geotiff(tmp_path / "image.tif", pixels)
    coarse = read_geotiff(path, ("B03",), file_bands=NAMES, size=(24, 20), resampling="average")
    expected = pixels[1].reshape(24, 2, 20, 2).mean(axis=(1, 3))
    assert np.abs(coarse[0].numpy() - expected).max() <= 0.5
    nearest = read_geotiff(path, ("B03",), file_bands=NAMES, size=(96, 80), resampling="nearest")
    np.testing.assert_array_equal(nearest[0].numpy(), pixels[1].repeat(2, 0).repeat(2, 1))


def test_where_it_lies_is_read_only_when_asked_for(tmp_path, write_geotiff, pixels, recwarn):
    path = write_geotiff(tmp_path / "image.tif", pixels)
    with open_geotiff(path, georeferenced=True) as file:
        assert tuple(file.bounds) == (600_000, 4_999_520, 600_400, 5_000_000)
    with open_geotiff(path) as file:
        assert file.crs is None
    assert not [warning for warning in recwarn if "georef" in warning.category.__name__.lower()]


def test_reading_writes_nothing_beside_the_data(tmp_path, write_geotiff, pixels):
    path = write_geotiff(tmp_path / "image.tif", pixels)
    read_geotiff(path, NAMES, file_bands=NAMES)
    assert [entry.name for entry in tmp_path.iterdir()] == ["image.tif"]


@pytest.mark.parametrize("fraction", [0, 0.001, 0.3, 0.6, 0.99])
def test_a_truncated_geotiff_is_named(tmp_path, write_geotiff, pixels, fraction):
    path = write_geotiff(tmp_path / "image.tif", pixels)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(
        ValueError, match=r"image\.tif cannot be read, it is truncated or corrupt .* fetch the file again"
    ):
        read_geotiff(path, NAMES, file_bands=NAMES)


def test_a_file_of_another_kind_is_named(tmp_path):
    path = tmp_path / "image.tif"
    path.write_text("<html>503 Service Unavailable</html>")
    with pytest.raises(ValueError, match=r"image\.tif cannot be read"):
        read_geotiff(path, NAMES, file_bands=NAMES)


def test_a_missing_file_is_not_called_corrupt(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"image\.tif is missing"):
        read_geotiff(tmp_path / "image.tif", NAMES, file_bands=NAMES)
    with pytest.raises(FileNotFoundError, match=r"image\.jpg is missing"):
        read_jpeg(tmp_path / "image.jpg")


def test_another_number_of_bands_is_refused(tmp_path, write_geotiff, pixels):
    path = write_geotiff(tmp_path / "image.tif", pixels)
    with pytest.raises(ValueError, match=r"image\.tif: expected 2 bands \(B02, B03\), found 3"):
        read_geotiff(path, ("B02",), file_bands=("B02", "B03"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_is_refused_with_the_bands_that_hold_it(tmp_path, write_geotiff, value):
    pixels = np.zeros((2, 8, 8), np.float32)
    pixels[1, 3:5, 0] = value
    path = write_geotiff(tmp_path / "image.tif", pixels)
    with pytest.raises(ValueError, match=r"image\.tif: NaN or infinite pixels \(VH: 2 of 64\)"):
        read_geotiff(path, ("VV", "VH"), file_bands=("VV", "VH"))
    assert read_geotiff(path, ("VV",), file_bands=("VV", "VH")).shape == (1, 8, 8)


def test_jpeg_bands_by_name(tmp_path, write_jpeg):
    pixels = np.zeros((3, 16, 16), np.uint8) + np.array([200, 100, 0], np.uint8)[:, None, None]
    path = write_jpeg(tmp_path / "image.jpg", pixels)
    image = read_jpeg(path)
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    assert (image.float() - torch.from_numpy(pixels).float()).abs().max() <= 3
    assert torch.equal(read_jpeg(path, ("B", "R")), image[[2, 0]])


@pytest.mark.parametrize("fraction", [0, 0.1, 0.5, 0.9])
def test_a_truncated_jpeg_is_named(tmp_path, write_jpeg, fraction):
    noise = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    path = write_jpeg(tmp_path / "image.jpg", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(ValueError, match=r"image\.jpg cannot be read, it is truncated or corrupt"):
        read_jpeg(path)


def test_a_grey_picture_is_refused(tmp_path, write_jpeg):
    from PIL import Image

    path = tmp_path / "image.jpg"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    with pytest.raises(ValueError, match=r"image\.jpg: expected 3 bands \(R, G, B\), found a picture of mode 'L'"):
        read_jpeg(path)


def test_a_window_of_a_file(tmp_path, write_geotiff):
    pixels = np.arange(2 * 6 * 6, dtype=np.uint16).reshape(2, 6, 6)
    path = write_geotiff(tmp_path / "a.tif", pixels)
    with open_geotiff(path) as file:
        found = read_bands(file, path, ["b"], file_bands=["a", "b"], window=Window(1, 3, 2))
    np.testing.assert_array_equal(found, pixels[1:, 1:3, 3:5])


def test_nan_is_filled_only_when_asked(tmp_path, write_geotiff):
    pixels = np.array([[[1.0, np.nan], [np.inf, 2.0]]], np.float32)
    path = write_geotiff(tmp_path / "a.tif", pixels)
    with open_geotiff(path) as file:
        with pytest.raises(ValueError, match=r"NaN or infinite pixels \(a: 2 of 4\).*pass fill="):
            read_bands(file, path, ["a"], file_bands=["a"])
        assert read_bands(file, path, ["a"], file_bands=["a"], fill=-25)[0].tolist() == [[1, -25], [-25, 2]]


def test_resampling_keeps_dtype_and_ground():
    ramp = np.array([[0, 100], [200, 300]], np.uint16)
    assert resample(ramp, 2, method="bilinear") is ramp
    blocks = resample(ramp, 4, method="nearest")
    assert blocks.dtype == np.uint16
    np.testing.assert_array_equal(blocks, np.kron(ramp, np.ones((2, 2), np.uint16)))
    np.testing.assert_array_equal(resample(blocks, 2, method="average"), ramp)
