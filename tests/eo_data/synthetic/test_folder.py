import numpy as np
import pytest
import rasterio

from eo_data import EuroSAT, GeoTIFFFolder
from eo_data.synthetic import scene, write_geotiff_folder


def test_files_lie_in_the_root_with_their_bands_described(tmp_path):
    root = write_geotiff_folder(tmp_path / "mine", sensor="sentinel2-l2a", bands=["red", "B8A"], count=3, size=20)
    assert sorted(path.name for path in root.glob("*.tif")) == ["0000000.tif", "0000001.tif", "0000002.tif"]
    with rasterio.open(root / "0000002.tif") as file:
        assert (file.shape, file.descriptions, file.dtypes) == ((20, 20), ("B04", "B8A"), ("uint16", "uint16"))
        np.testing.assert_array_equal(file.read(1), scene(0, 2, 24, seasons=1).seasons[0].s2a["B04"][:20, :20])


def test_class_folders_are_read_as_labels(tmp_path):
    root = write_geotiff_folder(tmp_path, sensor="sentinel1-grd", bands=["VV", "VH"], count=5, size=12, classes=3)
    dataset = GeoTIFFFolder(root, sensor="sentinel1-grd", bands=["VV", "VH"], labels="folder")
    assert dataset.classes == EuroSAT.CLASSES[:3]
    assert [int(sample["label"]) for sample in dataset] == [0, 0, 1, 1, 2]
    assert dataset[0]["image"].shape == (2, 12, 12)
    left, bottom, right, top = dataset[0]["bounds"].tolist()
    assert (right - left, top - bottom) == (120, 120)


@pytest.mark.parametrize("sensor", ["rgb", "aerial"])
def test_pictures_are_uint8(tmp_path, sensor):
    root = write_geotiff_folder(tmp_path, sensor=sensor, bands=["B", "G"], count=1, size=12)
    with rasterio.open(root / "0000000.tif") as file:
        picture = scene(0, 0, 12, seasons=1).seasons[0].rgb()
        np.testing.assert_array_equal(file.read(), picture.transpose(2, 0, 1)[[2, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sensor": "landsat8"}, "no synthetic images of sensor 'landsat8'; known: sentinel2-l1c"),
        ({"bands": ["B99"]}, "unknown band 'B99' of sentinel2-l1c"),
        ({"classes": 11}, "classes must be 1 to 10, or None for no class folders, got 11"),
        ({"count": 0}, "count and size must be at least 1, got count=0"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, change, message):
    arguments = {"sensor": "sentinel2-l1c", "bands": ["B04"], "count": 1, "size": 12, **change}
    with pytest.raises(ValueError, match=message):
        write_geotiff_folder(tmp_path / "mine", **arguments)
    assert list(tmp_path.iterdir()) == []
