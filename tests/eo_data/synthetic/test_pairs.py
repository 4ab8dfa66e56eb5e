import numpy as np
import pytest
import rasterio

from eo_data import DFC2020, SEN12MS
from eo_data.synthetic import write_dfc2020, write_sen12ms


@pytest.fixture(scope="module")
def sen12ms(tmp_path_factory):
    return write_sen12ms(tmp_path_factory.mktemp("sen12ms") / "world", patches=1, size=60, seed=1)


def test_files_have_the_bands_dtypes_and_grid_of_the_archive(sen12ms):
    season = sen12ms / "ROIs2017_winter"
    assert {path.name for path in season.iterdir()} == {f"{p}_{n}" for p in ("s1", "s2", "lc") for n in (1, 2)}
    corners = set()
    for product, bands, dtype in (("s1", 2, "float32"), ("s2", 13, "uint16"), ("lc", 4, "uint16")):
        with rasterio.open(season / f"{product}_1" / f"ROIs2017_winter_{product}_1_p1.tif") as file:
            assert (file.count, set(file.dtypes), file.shape, file.res) == (bands, {dtype}, (60, 60), (10, 10))
            corners.add((file.bounds, file.crs))
    assert len(corners) == 1


def test_the_map_has_pixels_of_500_m_and_igbp_classes(sen12ms):
    for path in sen12ms.glob("*/lc_1/*.tif"):
        with rasterio.open(path) as file:
            igbp, *lccs = file.read()
        assert {len(np.unique(block)) for block in (igbp[:50, :50], igbp[50:, 50:])} == {1}
        assert set(np.unique(igbp)) <= set(range(1, 18))
        assert not np.any(lccs)


def test_the_lists_part_the_scenes(sen12ms):
    scenes = {split: {name.split("_p")[0] for name in SEN12MS(sen12ms, split).ids} for split in ("train", "test")}
    assert not scenes["train"] & scenes["test"]
    assert len(scenes["train"] | scenes["test"]) == 8


def test_the_sensors_of_a_place_agree(tmp_path):
    """Water is dark to both; the map of the same place says where it is."""
    root = write_dfc2020(tmp_path / "dfc", validation=8, test=1, size=36)
    samples = list(DFC2020(root, "validation", target="mask"))
    water = np.stack([sample["mask"].numpy() == 7 for sample in samples])
    assert 0.05 < water.mean() < 0.5
    for key, band in (("s1", 0), ("s2", 7)):
        image = np.stack([sample[key][band].numpy() for sample in samples]).astype(float)
        assert np.quantile(image[water], 0.9) < np.quantile(image[~water], 0.1)


def test_places_show_the_classes_in_turn_and_lists_say_so(tmp_path):
    root = write_dfc2020(tmp_path / "dfc", validation=16, test=1, size=24)
    labels = [int(sample["label"]) for sample in DFC2020(root, "validation")]
    assert np.mean(np.array(labels) == np.arange(16) % 8) > 0.7
    assert len((root / "validation_observations.csv").read_text().splitlines()) == 16
    rows = (root / "validation_observations_balanced_classes.csv").read_text().splitlines()
    assert rows[0] == "Season,Scene,ID,dfc_label,copy_nr"
    assert {int(row.split(",")[3]) for row in rows[1:]} == set(labels)


def test_who_sees_what_in_the_sets_made_for_fusion(tmp_path):
    """A sensor that takes two covers for one sees exactly what it would see where the other cover grows."""
    roots = {name: write_dfc2020(tmp_path / name, validation=4, test=1, size=24, sight=name)
             for name in ("complementary", "redundant")}  # fmt: skip
    forest, shrub, grass, barren = range(4)
    power = {
        name: {key: [float(sample[key].float().mean()) for sample in DFC2020(root, "validation", target=None)]
               for key in ("s1", "s2")}
        for name, root in roots.items()
    }  # fmt: skip
    assert DFC2020(roots["complementary"], "validation").ids == DFC2020(roots["redundant"], "validation").ids
    assert power["complementary"]["s1"] == power["redundant"]["s1"]
    assert power["complementary"]["s2"][forest] == power["redundant"]["s2"][forest]
    assert power["complementary"]["s2"][barren] != power["redundant"]["s2"][barren]
    assert power["complementary"]["s1"][grass] < power["complementary"]["s1"][shrub]


@pytest.mark.parametrize(
    ("write", "change", "message"),
    [
        (write_sen12ms, {"patches": 0}, "patches and size must be at least 1, scenes 2, got patches=0"),
        (write_sen12ms, {"patches": 1, "scenes": 1}, "scenes=1"),
        (write_sen12ms, {"patches": 1, "sight": "blind"}, "unknown sight 'blind'; known: natural"),
        (write_dfc2020, {"validation": 0, "test": 1}, "at least 1, got 0, 1 and 256"),
        (write_dfc2020, {"validation": 1, "test": 1, "folders": "flat"}, "unknown folders 'flat'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, write, change, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "world", **change)
    assert list(tmp_path.iterdir()) == []
