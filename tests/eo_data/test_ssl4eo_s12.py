import pickle
import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from eo_data import SENSORS, SSL4EOS12
from eo_data.ssl4eo_s12 import band_file, season_folders

L1C = SENSORS["sentinel2-l1c"].band_names


def corner(image):
    """(T, C, H, W) -> the pixel values, one per season and band, after checking that each band is flat."""
    image = image.float()
    assert (image == image[..., :1, :1]).all()
    return image[..., 0, 0].int().tolist()


def test_l1c_seasons_and_bands_in_order(ssl4eo):
    dataset = SSL4EOS12(ssl4eo)
    assert dataset.ids == ("0000000", "0000002", "0000010")
    assert (dataset.bands, dataset.sensor, dataset.classes) == (L1C, "sentinel2-l1c", None)
    assert dataset.units == ("dn",) * 13
    assert dataset.normalization[0]["op"] == "affine"
    sample = dataset[1]
    assert sample["id"] == "0000002"
    assert (sample["image"].shape, sample["image"].dtype) == ((4, 13, 24, 24), torch.uint16)
    assert corner(sample["image"]) == [[1000 + 100 * season + band for band in range(13)] for season in range(4)]


def test_l2a_has_no_b10(ssl4eo):
    dataset = SSL4EOS12(ssl4eo, product="s2a")
    assert dataset.bands == SENSORS["sentinel2-l2a"].band_names
    assert dataset[0]["image"].shape == (4, 12, 24, 24)


def test_radar_seasons_are_in_order_of_time_and_not_of_names(ssl4eo):
    names = [path.name for path in season_folders(ssl4eo / "s1" / "0000000")]
    assert names != sorted(names)
    dataset = SSL4EOS12(ssl4eo, product="s1")
    assert (dataset.bands, dataset.units) == (("VV", "VH"), ("db", "db"))
    image = dataset[0]["image"]
    assert image.dtype == torch.float32
    assert corner(image) == [[0, 1], [100, 101], [200, 201], [300, 301]]


@pytest.mark.parametrize("product", [("s1", "s2c"), ("s2c", "s1")])
def test_two_products_are_matched_by_season_radar_first(ssl4eo, product):
    dataset = SSL4EOS12(ssl4eo, product=product, bands={"s2c": ["B4", "B8A"]}, seasons=3)
    assert dataset.bands == ("VV", "VH", "B04", "B8A")
    assert dataset.units == ("db", "db", "dn", "dn")
    assert dataset.sensor == "sentinel1-grd+sentinel2-l1c"
    assert dataset.normalization is None
    assert list(dataset.parts) == ["s1", "s2"]
    assert dataset.parts["s2"].bands == ("B04", "B8A")
    assert dataset.parts["s1"].normalization[0]["op"] == "affine"
    sample = dataset[0]
    assert corner(sample["s1"]) == [[0, 1], [100, 101], [200, 201]]
    assert corner(sample["s2"]) == [[3, 8], [103, 108], [203, 208]]


def test_resolutions(ssl4eo):
    def shapes(**arguments):
        sample = SSL4EOS12(ssl4eo, seasons=1, **arguments)[0]
        return {key: tuple(value.shape) for key, value in sample.items() if key != "id"}

    assert shapes(resolution=10) == {"image": (1, 13, 24, 24)}
    assert shapes(resolution=20) == {"image": (1, 13, 12, 12)}
    assert shapes(resolution=60) == {"image": (1, 13, 4, 4)}
    assert shapes(bands=["B05", "B01"]) == {"image": (1, 2, 12, 12)}  # the finest asked for has 20 m
    assert shapes(bands=["B05"], resolution=10) == {"image": (1, 1, 24, 24)}
    assert shapes(resolution="native") == {
        "image_10m": (1, 4, 24, 24),
        "image_20m": (1, 6, 12, 12),
        "image_60m": (1, 3, 4, 4),
    }
    assert shapes(product=("s1", "s2c"), resolution="native", bands={"s2c": ["B2", "B5"]}) == {
        "s1_10m": (1, 2, 24, 24),
        "s2_10m": (1, 1, 24, 24),
        "s2_20m": (1, 1, 12, 12),
    }


def test_native_images_hold_their_bands_in_the_order_asked_for(ssl4eo):
    sample = SSL4EOS12(ssl4eo, seasons=1, bands=["B12", "B02", "B05", "B01"], resolution="native")[0]
    assert corner(sample["image_20m"]) == [[12, 4]]
    assert corner(sample["image_10m"]) == [[1]]


def test_bilinear_is_the_default_and_others_are_named(ssl4eo, write_geotiff):
    ramp = np.arange(16, dtype=np.uint16).reshape(1, 4, 4) * 1000
    season = season_folders(ssl4eo / "s2c" / "0000000")[0]
    write_geotiff(season / "B1.tif", ramp)
    arguments = {"seasons": 1, "bands": ["B01"], "resolution": 10}
    smooth = SSL4EOS12(ssl4eo, **arguments)[0]["image"].float()
    blocks = SSL4EOS12(ssl4eo, **arguments, resampling="nearest")[0]["image"].float()
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(ramp.astype(np.float32))[None], (24, 24), mode="bilinear"
    )
    assert (smooth - expected).abs().max() <= 0.5
    assert blocks.unique().numel() == 16


def test_files_a_few_pixels_off_come_to_the_common_size(ssl4eo, write_geotiff):
    season = season_folders(ssl4eo / "s2c" / "0000002")[2]
    write_geotiff(season / "B2.tif", np.full((1, 25, 23), 7, np.uint16))
    for resolution in (10, "native"):
        dataset = SSL4EOS12(ssl4eo, resolution=resolution, bands=["B02", "B03"])
        image = next(value for key, value in dataset[1].items() if key.startswith("image"))
        assert image.shape == (4, 2, 24, 24)
        assert (image[2, 0].int() == 7).all()


def test_a_file_far_off_is_refused(ssl4eo, write_geotiff):
    season = season_folders(ssl4eo / "s2c" / "0000002")[2]
    write_geotiff(season / "B2.tif", np.zeros((1, 12, 12), np.uint16))
    with pytest.raises(ValueError, match=r"B2.tif has 12 x 12 pixels, files like it have 24 x 24"):
        SSL4EOS12(ssl4eo)[1]


@pytest.mark.parametrize("spelling", ["B01.tif", "B1.tif"])
def test_both_spellings_of_band_files(ssl4eo, spelling):
    season = season_folders(ssl4eo / "s2c" / "0000000")[0]
    (season / "B1.tif").rename(season / spelling)
    assert band_file(season, "B01").name == spelling
    assert SSL4EOS12(ssl4eo)[0]["image"].shape == (4, 13, 24, 24)


def test_a_missing_band_is_named(ssl4eo):
    season = season_folders(ssl4eo / "s2c" / "0000002")[1]
    (season / "B8.tif").unlink()
    dataset = SSL4EOS12(ssl4eo)
    with pytest.raises(FileNotFoundError, match=rf"{season.name} has no B8.tif or B08.tif; fetch this season again"):
        dataset[1]


def test_nan_and_truncated_files_are_named(ssl4eo, write_geotiff):
    season = season_folders(ssl4eo / "s1" / "0000000")[0]
    write_geotiff(season / "VH.tif", np.full((1, 24, 24), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"VH.tif: NaN or infinite pixels \(VH: 576 of 576\)"):
        SSL4EOS12(ssl4eo, product="s1")[0]
    path = season_folders(ssl4eo / "s2c" / "0000000")[0] / "B8A.tif"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"B8A.tif cannot be read"):
        SSL4EOS12(ssl4eo, resolution=10)[0]


def test_incomplete_locations_are_counted_or_skipped(ssl4eo):
    shutil.rmtree(ssl4eo / "s1" / "0000002")
    shutil.rmtree(season_folders(ssl4eo / "s2c" / "0000010")[3])
    (ssl4eo / "s2c" / "readme.txt").write_text("not a location")
    arguments = {"root": ssl4eo, "product": ("s1", "s2c")}
    with pytest.raises(
        FileNotFoundError,
        match=r"2 of 3 locations .* are incomplete: 1 lack s1, such as 0000002; "
        r"1 have fewer than 4 seasons of s2c, such as 0000010; .*incomplete='skip'",
    ):
        SSL4EOS12(**arguments)
    dataset = SSL4EOS12(**arguments, incomplete="skip")
    assert dataset.ids == ("0000000",)
    assert dataset.skipped == ("0000002", "0000010")
    assert SSL4EOS12(**arguments, seasons=3, incomplete="skip").skipped == ("0000002",)
    assert SSL4EOS12(ssl4eo, product="s2a").skipped == ()


def test_nothing_left_after_skipping_still_raises(ssl4eo):
    for location in (ssl4eo / "s2a").iterdir():
        shutil.rmtree(season_folders(location)[0])
    with pytest.raises(FileNotFoundError, match="3 of 3 locations"):
        SSL4EOS12(ssl4eo, product="s2a", incomplete="skip")


def test_ids_of_any_width_are_in_numeric_order(tmp_path, write_season):
    for location in ("9", "10", "000123"):
        write_season(tmp_path / "s1" / location / "S1A_20200101T000000", "s1")
    assert SSL4EOS12(tmp_path, product="s1", seasons=1).ids == ("9", "10", "000123")


def test_a_missing_root_and_an_empty_one(tmp_path):
    for root in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"no SSL4EO-S12 locations in .*s2c; expected .*<band>.tif: unpack"):
            SSL4EOS12(root)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"split": "val"}, "unknown split 'val'; known: train"),
        ({"product": "s2"}, "unknown product 's2'; nearest known: s2"),
        ({"product": ("s2a", "s2c")}, "product must be one of s1, s2a, s2c, or s1 and one of the other two"),
        ({"product": ()}, "product must be one of"),
        ({"seasons": 5}, "seasons must be 1, 2, 3 or 4, got 5"),
        ({"resolution": 30}, "resolution must be 10, 20, 60"),
        ({"resampling": "bilinar"}, "unknown resampling 'bilinar'; nearest known: bilinear"),
        ({"incomplete": "drop"}, "unknown incomplete 'drop'; known: raise, skip"),
        ({"bands": ["B13"]}, "unknown band 'B13' of sentinel2-l1c"),
        ({"product": ("s1", "s2c"), "bands": ["VV"]}, "for two products bands is a mapping"),
        ({"product": ("s1", "s2c"), "bands": {"s2a": ["B2"]}}, "bands names 's2a', which is not among the products"),
    ],
)
def test_arguments_out_of_the_vocabulary(ssl4eo, argument, message):
    with pytest.raises(ValueError, match=message):
        SSL4EOS12(ssl4eo, **argument)


def test_loader_workers_and_pickling(ssl4eo):
    dataset = pickle.loads(pickle.dumps(SSL4EOS12(ssl4eo, product=("s1", "s2c"))))
    (batch,) = DataLoader(dataset, batch_size=3, num_workers=1)
    assert batch["s2"].shape == (3, 4, 13, 24, 24)
    assert batch["s1"].shape == (3, 4, 2, 24, 24)


def test_real_places(real_data):
    dataset = SSL4EOS12(real_data / "ssl4eo_s12_like", seasons=1)
    assert len(dataset) == 2
    assert dataset[0]["image"].shape == (1, 13, 264, 264)
    native = SSL4EOS12(real_data / "ssl4eo_s12_like", seasons=1, resolution="native")[1]
    assert [native[f"image_{r}m"].shape[-1] for r in (10, 20, 60)] == [264, 132, 44]


@pytest.mark.parametrize("product", ["s1", "s2a", "s2c", ("s1", "s2a")])
def test_a_layout_that_torchgeo_made(real_data, product):
    dataset = SSL4EOS12(real_data / "synthetic_layouts_torchgeo" / "ssl4eo" / "s12", product=product)
    assert len(dataset) == 2
    for key, part in dataset.parts.items():
        assert dataset[1][key].shape == (4, len(part.bands), 36, 36)
