import shutil

import numpy as np
import pytest
import torch

from eo_data import DFC2020
from eo_data.synthetic import write_dfc2020


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return write_dfc2020(tmp_path_factory.mktemp("dfc2020") / "world", validation=16, test=8, size=12, seed=3)


@pytest.fixture
def root(made_once, tmp_path):
    return shutil.copytree(made_once, tmp_path / "dfc2020")


def everything(root, split="validation", **arguments):
    return [DFC2020(root, split, **arguments)[index] for index in range(len(DFC2020(root, split, **arguments)))]


def test_both_sensors_and_three_targets(made_once):
    dataset = DFC2020(made_once, "validation")
    assert len(dataset) == 16
    assert len(DFC2020(made_once, "test")) == 8
    assert dataset.classes[5] == "Urban/Built-up"
    assert (dataset.parts["s1"].units, set(dataset.parts["s2"].units)) == (("db", "db"), {"dn"})
    sample = dataset[3]
    assert sample["id"] == "ROIs0000_validation_0_p3"
    assert (sample["s1"].shape, sample["s2"].shape, sample["label"].dtype) == ((2, 12, 12), (13, 12, 12), torch.int64)
    mask, hot = (DFC2020(made_once, "validation", target=target)[3] for target in ("mask", "multilabel"))
    share = torch.bincount(mask["mask"].flatten(), minlength=8) / 144
    assert int(sample["label"]) == int(share.argmax())
    assert torch.equal(hot["label"], (share >= 0.1).float())
    assert "label" not in DFC2020(made_once, "test", target=None)[0]


@pytest.mark.parametrize("folders", ["scene", "nested"])
def test_all_spellings_of_folders_hold_the_same(made_once, tmp_path, folders):
    other = write_dfc2020(tmp_path / "world", validation=16, test=8, size=12, seed=3, folders=folders)
    assert not (other / "ROIs0000_validation/s1_validation").exists()
    for split in ("validation", "test"):
        ours, theirs = DFC2020(made_once, split), DFC2020(other, split)
        assert ours.split_id == theirs.split_id
        for key in ("s1", "s2", "label"):
            assert torch.equal(ours[5][key].float(), theirs[5][key].float())


@pytest.mark.parametrize("target", ["label", "mask"])
def test_a_share_is_drawn_over_the_commonest_classes(root, target):
    dataset = DFC2020(root, "validation", target=target, size=6)  # four tiles a patch
    whole = DFC2020(root, "validation")
    commonest = {sample["id"]: int(sample["label"]) for sample in whole}
    assert dataset.strata() == [commonest[name.split("@")[0]] for name in dataset.ids]


def test_the_balanced_list_beside_the_data_counts(root):
    plain, balanced = DFC2020(root, "validation"), DFC2020(root, "validation", balanced=True)
    counts = np.bincount([int(sample["label"]) for sample in everything(root)], minlength=8)
    copies = [int(counts.max() // counts[int(sample["label"])]) for sample in everything(root)]
    assert balanced.ids == [name for name, count in zip(plain.ids, copies, strict=True) for _ in range(count)]
    path = root / "validation_observations_balanced_classes.csv"
    path.write_text("Season,Scene,ID,dfc_label,copy_nr\nSeasons.VALSET,0,4,1,0\nSeasons.VALSET,0,4,1,1\n")
    assert DFC2020(root, "validation", balanced=True).ids == ["ROIs0000_validation_0_p4"] * 2
    path.write_text("nonsense\n1\n")
    with pytest.raises(ValueError, match="no rows with the columns Season, Scene, ID"):
        DFC2020(root, "validation", balanced=True)


def test_without_the_list_classes_are_repeated_as_often_as_in_it(root):
    (root / "validation_observations_balanced_classes.csv").unlink()
    expected = [DFC2020.COPIES[int(sample["label"])] for sample in everything(root)]
    assert len(DFC2020(root, "validation", balanced=True)) == sum(expected)


def test_the_published_copies_make_the_published_number():
    patches = (76, 37, 101, 180, 156, 62, 23, 351)
    assert sum(patches) == 986
    assert sum(a * b for a, b in zip(patches, DFC2020.COPIES, strict=True)) == 2618


def test_labels_of_modis(root, write_geotiff):
    igbp = np.full((1, 12, 12), 13, np.uint16)
    path = root / "ROIs0000_test/lc_0/ROIs0000_test_lc_0_p0.tif"
    write_geotiff(path, igbp)
    assert int(DFC2020(root, "test", labels="lc")[0]["label"]) == 5


def test_values_out_of_range_and_maps_without_any_class(root, write_geotiff):
    path = root / "ROIs0000_test/dfc_0/ROIs0000_test_dfc_0_p0.tif"
    write_geotiff(path, np.full((1, 12, 12), 11, np.uint16))
    with pytest.raises(
        ValueError, match=r"dfc_0_p0.tif: class 11 out of range; dfc maps hold whole numbers from 0 to 10"
    ):
        DFC2020(root, "test")[0]
    write_geotiff(path, np.full((1, 12, 12), 3, np.uint16))
    assert int(DFC2020(root, "test")[0]["label"]) == 255
    assert not DFC2020(root, "test")[0]["labelled"]
    assert not DFC2020(root, "test", target="multilabel")[0]["label"].any()
    assert DFC2020(root, "test", target="mask")[0]["mask"].unique().tolist() == [255]


def test_what_lacks_is_named(root):
    (root / "ROIs0000_test/dfc_0/ROIs0000_test_dfc_0_p1.tif").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 8 patches .* 1 lack dfc, such as ROIs0000_test_0_p1"):
        DFC2020(root, "test")
    assert DFC2020(root, "test", incomplete="skip").skipped == ("ROIs0000_test_0_p1",)
    assert len(DFC2020(root, "test", target=None)) == 8
    shutil.rmtree(root / "ROIs0000_validation/s2_validation")
    with pytest.raises(FileNotFoundError, match="no s2 files of DFC2020's validation split under root="):
        DFC2020(root, "validation")
    assert len(DFC2020(root, "validation", product="s1", balanced=True, target="label")) > 0


def test_a_balanced_patch_that_lacks_a_file_is_still_counted_once(root):
    number = DFC2020(root, "validation", balanced=True).ids[0].rpartition("p")[2]
    (root / f"ROIs0000_validation/s1_validation/ROIs0000_validation_s1_0_p{number}.tif").unlink()
    with pytest.raises(FileNotFoundError, match=f"1 of .* 1 lack s1, such as ROIs0000_validation_0_p{number}"):
        DFC2020(root, "validation", balanced=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"split": "train"}, "unknown split 'train'; known: validation, test"), ({"labels": "modis"}, "unknown labels")],
)
def test_bad_arguments(made_once, arguments, message):
    with pytest.raises(ValueError, match=message):
        DFC2020(**{"root": made_once, "split": "test", **arguments})
