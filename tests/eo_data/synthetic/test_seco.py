import numpy as np
import pytest
import rasterio

from eo_data.synthetic import write_seco
from eo_data.synthetic.seco import in_8_bits


def test_digital_numbers_are_stored_as_the_archive_has_them(rule):
    case = rule("downloader_quantize")
    assert in_8_bits(np.array(case["input"]["dn"], np.uint16)).tolist() == case["outputs"]["uint8"]


def test_the_layout_of_the_archive(tmp_path):
    root = write_seco(tmp_path / "earth", locations=2, seasons=5, size=12)
    places = sorted((root / "seasonal_contrast_100k").iterdir())
    assert [place.name for place in places] == ["000000", "000001"]
    dates = sorted(path for path in places[0].iterdir() if path.is_dir())
    assert len(dates) == 5
    stems = {path.stem for path in dates[0].glob("*.tif")}
    assert stems == {"B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"}
    for band, side in (("B2", 12), ("B5", 6), ("B9", 2)):
        with rasterio.open(dates[0] / f"{band}.tif") as file:
            assert (file.shape, file.dtypes, file.count) == ((side, side), ("uint8",), 1)
    with rasterio.open(places[0] / f"{dates[0].name}.tif") as file:
        assert (file.shape, file.count) == ((12, 12), 3)
    assert not list(write_seco(tmp_path / "1m", locations=1, version="1m", seasons=1, size=12).glob("*/*/*.tif"))


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="locations must be at least 1 and seasons 1 to 5, got 1 and 6"):
        write_seco(tmp_path / "earth", locations=1, seasons=6)
