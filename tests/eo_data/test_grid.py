from functools import partial

import numpy as np
import pytest
import torch

from eo_data.dataset import part_of
from eo_data.grid import check_resolution, find_grid

PART = part_of("sentinel2-l2a", ["B02", "B05", "B01", "B08"], "ssl4eo-s12-l2a")
SIDES = {"B02": 24, "B08": 24, "B05": 12, "B01": 4}


@pytest.fixture
def folder(tmp_path, write_geotiff):
    for value, (band, side) in enumerate(SIDES.items()):
        write_geotiff(tmp_path / f"{band}.tif", np.full((1, side, side), value, np.uint16))
    return tmp_path


def open_grid(folder, part=PART, **arguments):
    file_of = partial(lambda band: folder / f"{band}.tif")
    return find_grid([(part, file_of)], **{"resolution": None, "resampling": "bilinear"} | arguments), file_of


def test_one_grid_has_the_size_of_its_resolution(folder):
    for resolution, side in ((None, 24), (10, 24), (20, 12), (60, 4)):
        grid, file_of = open_grid(folder, resolution=resolution)
        image = grid.read("image", PART, file_of)["image"]
        assert image.shape == (4, side, side)
        assert image[:, 0, 0].tolist() == [0, 2, 3, 1]


def test_native_groups_bands_in_the_order_asked_for(folder):
    grid, file_of = open_grid(folder, resolution="native")
    images = grid.read_dates("s2", PART, [file_of, file_of])
    assert {name: tuple(image.shape) for name, image in images.items()} == {
        "s2_10m": (2, 2, 24, 24),
        "s2_20m": (2, 1, 12, 12),
        "s2_60m": (2, 1, 4, 4),
    }
    assert torch.equal(images["s2_10m"][0, :, 0, 0], torch.tensor([0, 1], dtype=torch.uint16))


def test_a_grid_finer_than_its_bands_is_scaled_from_the_finest(folder):
    coarse = part_of("sentinel2-l2a", ["B05", "B01"], "ssl4eo-s12-l2a")
    assert open_grid(folder, coarse)[0].resolution == 20
    assert open_grid(folder, coarse, resolution=10)[0].size(60) == (24, 24)


def test_a_file_of_another_size_is_refused(folder, write_geotiff):
    grid, file_of = open_grid(folder)
    write_geotiff(folder / "B05.tif", np.zeros((1, 24, 24), np.uint16))
    with pytest.raises(ValueError, match="B05.tif has 24 x 24 pixels, files like it have 12 x 12"):
        grid.read("image", PART, file_of)


def test_unknown_resolutions_are_refused():
    with pytest.raises(ValueError, match="resolution must be 10, 20, 60"):
        check_resolution(30, "bilinear")
    with pytest.raises(ValueError, match="unknown resampling 'bilinea'; nearest known: bilinear"):
        check_resolution(10, "bilinea")
