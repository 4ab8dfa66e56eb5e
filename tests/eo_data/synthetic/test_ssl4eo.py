import json
import re

import numpy as np
import pytest
import rasterio

from eo_data import SSL4EOS12, SSL4EOS12ML
from eo_data.synthetic import scene, write_ssl4eo_s12, write_ssl4eo_s12_ml
from eo_data.synthetic.ssl4eo import LABEL_THRESHOLD, classes_of, mgrs_tile, s1_id

SIZES = {"B1": 4, "B2": 24, "B3": 24, "B4": 24, "B5": 12, "B6": 12, "B7": 12, "B8": 24, "B8A": 12, "B9": 4, "B10": 4,
         "B11": 12, "B12": 12}  # fmt: skip
S2_ID = re.compile(r"\d{8}T\d{6}_\d{8}T\d{6}_T\d{2}[C-HJ-NP-X][A-Z]{2}")
S1_ID = re.compile(r"S1[AB]_IW_GRDH_1SDV_\d{8}T\d{6}_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4}")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_ssl4eo_s12_ml(tmp_path_factory.mktemp("ml") / "world", locations=3, size=24, seed=2)


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.tif")}


def test_folders_and_files_are_named_as_in_the_archive(root):
    for product, pattern in (("s1", S1_ID), ("s2a", S2_ID), ("s2c", S2_ID)):
        assert sorted(path.name for path in (root / product).iterdir()) == ["0000000", "0000001", "0000002"]
        seasons = [path.name for path in (root / product / "0000001").iterdir()]
        assert len(seasons) == 4
        assert all(pattern.fullmatch(season) for season in seasons)
    assert len(files(root)) == 3 * 4 * (2 + 12 + 13)


def test_files_have_the_size_dtype_and_grid_of_their_band(root):
    season = next((root / "s2c" / "0000000").iterdir())
    assert {path.stem for path in season.iterdir()} == set(SIZES)
    corners = set()
    for band, side in SIZES.items():
        with rasterio.open(season / f"{band}.tif") as file:
            assert (file.count, file.shape, file.dtypes) == (1, (side, side), ("uint16",))
            assert file.res == (240 / side, 240 / side)
            assert 32600 < file.crs.to_epsg() < 32761
            corners.add((file.bounds, file.crs))
    assert len(corners) == 1
    with rasterio.open(next((root / "s1" / "0000000").iterdir()) / "VH.tif") as file:
        assert (file.shape, file.dtypes, file.res) == ((24, 24), ("float32",), (10, 10))


def test_l2a_lacks_b10(root):
    season = next((root / "s2a" / "0000000").iterdir())
    assert {path.stem for path in season.iterdir()} == set(SIZES) - {"B10"}


def test_the_readers_read_it(root):
    pairs = SSL4EOS12(root, product=("s1", "s2c"))
    assert pairs[2]["s1"].shape == (4, 2, 24, 24)
    assert pairs[2]["s2"].shape == (4, 13, 24, 24)
    native = SSL4EOS12(root, product="s2a", resolution="native")[0]
    assert [native[f"image_{metres}m"].shape[1:] for metres in (10, 20, 60)] == [(4, 24, 24), (6, 12, 12), (2, 4, 4)]


def test_the_reader_finds_the_pixels_of_the_scene_and_the_labels_of_its_map(root):
    dataset = SSL4EOS12ML(root, product="s2c")
    for location in range(3):
        sample, made = dataset[location], scene(2, location, 24)
        for time, season in enumerate(made.seasons):
            np.testing.assert_array_equal(sample["image"][time, 3].numpy(), season.s2c["B04"])
            if sample["labelled"][time]:
                there = np.bincount(season.cover.ravel(), minlength=9) / season.cover.size >= LABEL_THRESHOLD
                np.testing.assert_array_equal(sample["label"][time].numpy() > 0, there)


def test_labels_are_sorted_strings_keyed_by_place_and_season(root):
    labels = json.loads((root / "ssl4eo_multilabel.json").read_text())
    assert list(labels) == ["0000000", "0000001", "0000002"]
    for location, seasons in labels.items():
        assert set(seasons) == {path.name for path in (root / "s2c" / location).iterdir()}
        for classes in seasons.values():
            assert classes == sorted(set(classes))
            assert set(classes) <= set("012345678")


@pytest.mark.parametrize(("unlabelled", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_some_seasons_have_no_label(tmp_path, unlabelled, expected):
    root = write_ssl4eo_s12_ml(tmp_path, locations=10, products=["s1"], size=6, unlabelled=unlabelled)
    labels = json.loads((root / "ssl4eo_multilabel.json").read_text())
    empty = [not classes for seasons in labels.values() for classes in seasons.values()]
    assert np.mean(empty) == pytest.approx(expected, abs=0.25)


def test_fewer_places_seasons_and_products_are_a_part_of_more(root, tmp_path):
    part = write_ssl4eo_s12(tmp_path, locations=2, seasons=2, products=["s2a"], size=24, seed=2)
    assert len(files(part)) == 2 * 2 * 12
    assert files(part).items() <= files(root).items()
    assert not (part / "ssl4eo_multilabel.json").exists()


def test_dates_of_the_two_satellites_differ_and_keep_their_order(root):
    for location in (root / "s2c").iterdir():
        optical = sorted(path.name[:8] for path in location.iterdir())
        radar = sorted(path.name[17:25] for path in (root / "s1" / location.name).iterdir())
        gaps = [abs(np.datetime64(f"{a[:4]}-{a[4:6]}-{a[6:]}") - np.datetime64(f"{b[:4]}-{b[4:6]}-{b[6:]}"))
                for a, b in zip(optical, radar, strict=True)]  # fmt: skip
        assert max(gaps) <= np.timedelta64(5, "D")


def test_names_of_radar_products_have_67_characters():
    assert {len(s1_id(season)) for season in scene(0, 0, 6).seasons} == {67}


def test_tiles_are_those_of_the_military_grid():
    made = scene(0, 0, 6, seasons=1, products=["s1"])
    object.__setattr__(made, "epsg", 32632)
    object.__setattr__(made, "origin", (691_000.0, 5_335_000.0))  # Munich
    object.__setattr__(made.place, "latitude", 48.14)
    assert mgrs_tile(made) == "32UPU"


def test_classes_below_the_threshold_are_left_out():
    cover = np.zeros((10, 10), np.uint8)
    cover[0, :3], cover[1, :2] = 8, 5
    assert classes_of(cover) == ["0", "8"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 100}, "size must be a multiple of 6.*got 100"),
        ({"products": ["s3"]}, "unknown product 's3'; nearest known: s1"),
        ({"seasons": 5}, "seasons must be 1, 2, 3 or 4, got 5"),
        ({"locations": 0}, "locations must be at least 1, got 0"),
        ({"unlabelled": 1.5}, "unlabelled must be between 0 and 1, got 1.5"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        write_ssl4eo_s12_ml(tmp_path / "world", **{"locations": 1, "size": 6, **change})
    assert list(tmp_path.iterdir()) == []


def test_an_occupied_root_is_refused(root):
    with pytest.raises(FileExistsError, match=r"already holds .*'locations': 3.*choose another folder"):
        write_ssl4eo_s12_ml(root, locations=4, size=24, seed=2)
    assert write_ssl4eo_s12_ml(root, locations=3, size=24, seed=2) == root
