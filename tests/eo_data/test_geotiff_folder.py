import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from eo_data import GeoTIFFFolder

ARGUMENTS = {"sensor": "sentinel2-l2a", "bands": ("B4", "B3", "B8")}


@pytest.fixture
def folder(tmp_path, write_geotiff):
    """Two classes, two images each; all pixels of band i of image n are 10 n + i."""
    root = tmp_path / "mine"
    for number, name in enumerate(("forest/b", "forest/a", "water/c", "water/d")):
        pixels = np.broadcast_to((10 * number + np.arange(3, dtype=np.uint16))[:, None, None], (3, 16, 20))
        write_geotiff(root / f"{name}.tif", pixels)
    return root


def test_images_in_order_of_their_paths(folder):
    dataset = GeoTIFFFolder(folder, **ARGUMENTS)
    assert dataset.ids == ("forest/a", "forest/b", "water/c", "water/d")
    assert (dataset.bands, dataset.sensor) == (("B04", "B03", "B08"), "sentinel2-l2a")
    assert (dataset.units, dataset.classes, dataset.normalization) == (("dn",) * 3, None, None)
    sample = dataset[0]
    assert sample["image"].int()[:, 3, 3].tolist() == [10, 11, 12]
    assert (sample["image"].shape, sample["image"].dtype) == ((3, 16, 20), torch.uint16)
    assert sample["bounds"].tolist() == [600_000, 4_999_840, 600_200, 5_000_000]
    assert sample["id"] == "forest/a"
    assert "label" not in sample


def test_labels_from_the_folders(folder):
    dataset = GeoTIFFFolder(folder, **ARGUMENTS, labels="folder")
    assert dataset.classes == ("forest", "water")
    assert [int(sample["label"]) for sample in dataset] == [0, 0, 1, 1]
    assert dataset[0]["label"].dtype == torch.int64
    with pytest.raises(ValueError, match="unknown labels 'folders'; nearest known: folder"):
        GeoTIFFFolder(folder, **ARGUMENTS, labels="folders")


def test_labels_need_a_folder_per_class(folder, write_geotiff):
    write_geotiff(folder / "e.tif", np.zeros((3, 16, 20), np.uint16))
    with pytest.raises(ValueError, match=r"needs a folder per class; .*e.tif lies in none"):
        GeoTIFFFolder(folder, **ARGUMENTS, labels="folder")


def test_a_unit_of_ones_own(folder):
    assert GeoTIFFFolder(folder, **ARGUMENTS, unit="reflectance").units == ("reflectance",) * 3


def test_a_pattern(folder):
    assert GeoTIFFFolder(folder, **ARGUMENTS, pattern="water/*.tif").ids == ("water/c", "water/d")


def test_no_file_tells_what_is_there(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file matches '\*\*/\*.tiff' .* holds files ending in '.tif'"):
        GeoTIFFFolder(folder, **ARGUMENTS, pattern="**/*.tiff")
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        GeoTIFFFolder(tmp_path / "nowhere", **ARGUMENTS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no files"):
        GeoTIFFFolder(tmp_path / "empty", **ARGUMENTS)


def test_another_number_of_bands_is_refused_at_once_and_later(folder, write_geotiff):
    with pytest.raises(ValueError, match=r"forest/a.tif has 3 bands, expected 2 \(B04, B03\); say in bands="):
        GeoTIFFFolder(folder, sensor="sentinel2-l2a", bands=("B4", "B3"))
    write_geotiff(folder / "water" / "c.tif", np.zeros((1, 16, 20), np.uint16))
    dataset = GeoTIFFFolder(folder, **ARGUMENTS)
    with pytest.raises(ValueError, match=r"water/c.tif has 1 bands, expected 3"):
        dataset[2]


def test_descriptions_that_contradict_are_refused_and_free_text_is_not(folder, write_geotiff):
    pixels = np.zeros((3, 16, 20), np.uint16)
    write_geotiff(folder / "forest" / "a.tif", pixels, ("red", "GREEN", "made on a Tuesday"))
    dataset = GeoTIFFFolder(folder, **ARGUMENTS)
    assert dataset[0]["image"].shape == (3, 16, 20)
    write_geotiff(folder / "forest" / "b.tif", pixels, ("B2", "B3", "B4"))
    with pytest.raises(ValueError, match=r"b.tif describes its bands as B2, B3, B4, but bands= says B04, B03, B08"):
        dataset[1]


def test_broken_and_nan_files_are_named(folder, write_geotiff):
    dataset = GeoTIFFFolder(folder, **ARGUMENTS)
    pixels = np.zeros((3, 16, 20), np.float32)
    pixels[1, 0, 0] = np.nan
    write_geotiff(folder / "forest" / "a.tif", pixels)
    with pytest.raises(ValueError, match=r"a.tif: NaN or infinite pixels \(B03: 1 of 320\)"):
        dataset[0]
    path = folder / "forest" / "b.tif"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ValueError, match=r"b.tif cannot be read"):
        dataset[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sensor": "sentinel-2", "bands": ["B4"]}, "unknown sensor 'sentinel-2'; nearest known: sentinel"),
        ({"sensor": "sentinel2-l2a", "bands": ["B4", "B3", "B10"]}, "unknown band 'B10' of sentinel2-l2a"),
    ],
)
def test_unknown_sensor_and_band(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        GeoTIFFFolder(folder, **arguments)


def test_loader_workers_and_pickling(folder):
    dataset = pickle.loads(pickle.dumps(GeoTIFFFolder(folder, **ARGUMENTS, labels="folder")))
    (batch,) = DataLoader(dataset, batch_size=4, num_workers=1)
    assert batch["image"].shape == (4, 3, 16, 20)
    assert batch["bounds"].shape == (4, 4)


def test_real_images(real_data):
    bands = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12", "B8A")
    dataset = GeoTIFFFolder(real_data / "eurosat_ms", sensor="sentinel2-l1c", bands=bands, labels="folder")
    assert len(dataset) == 218
    assert len(dataset.classes) == 10
