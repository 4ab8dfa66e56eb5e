import pickle
import shutil

import numpy as np
import pytest
import torch

from eo_data import SEN12MS
from eo_data.synthetic import write_sen12ms

ALL = 4 * 2 * 2  # seasons, scenes, patches


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return write_sen12ms(tmp_path_factory.mktemp("sen12ms") / "world", patches=2, size=12, seed=1)


@pytest.fixture
def root(made_once, tmp_path):
    return shutil.copytree(made_once, tmp_path / "sen12ms")


def test_pairs_as_stored(made_once):
    dataset = SEN12MS(made_once)
    assert len(dataset) == ALL
    assert dataset.sensor == "sentinel1-grd+sentinel2-l1c"
    assert (dataset.classes, dataset.skipped) == (None, ())
    sample = dataset[0]
    assert sample["id"] == "ROIs1158_spring_1_p1"
    assert (sample["s1"].shape, sample["s1"].dtype) == ((2, 12, 12), torch.float32)
    assert (sample["s2"].shape, sample["s2"].dtype) == ((13, 12, 12), torch.uint16)
    assert sample.keys() == {"s1", "s2", "id"}
    assert pickle.loads(pickle.dumps(dataset))[3]["id"] == dataset[3]["id"]


def test_one_product_is_an_image_with_bands_in_the_order_asked_for(made_once):
    pair, one = SEN12MS(made_once)[5], SEN12MS(made_once, product="s2", bands=["B8a", "B2"])
    assert one.bands == ("B8A", "B02")
    assert torch.equal(one[5]["image"], pair["s2"].int()[[8, 1]].to(torch.uint16))


def test_the_official_lists_are_read_from_beside_the_data(root):
    splits = {split: {patch.split("_p")[0] for patch in SEN12MS(root, split).ids} for split in ("train", "test")}
    assert splits["train"] == {f"{season}_1" for season in SEN12MS.SEASONS}
    assert splits["test"] == {f"{season}_2" for season in SEN12MS.SEASONS}
    for split in splits:
        (root / f"{split}_list.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"no list of split 'train': put train_list.txt or SEN12MS_holdOutScenes"
    ):
        SEN12MS(root, "train")
    (root / SEN12MS.HOLD_OUT).write_text("ROIs1158_spring_s1/s1_2\nROIs2017_winter/s1_1\n")
    assert SEN12MS(root, "test").ids == [
        f"{scene}_p{n}" for scene in ("ROIs1158_spring_2", "ROIs2017_winter_1") for n in (1, 2)
    ]
    assert len(SEN12MS(root, "train")) == ALL - 4


def test_broken_lists_are_named(root):
    (root / "train_list.txt").write_text("spring_1.tif\n")
    with pytest.raises(ValueError, match=r"train_list.txt lists 'spring_1.tif'; expected names such as"):
        SEN12MS(root, "train")
    (root / "train_list.txt").unlink()
    (root / SEN12MS.HOLD_OUT).write_text("17\n")
    with pytest.raises(ValueError, match=r"holdOutScenes.txt lists '17'; expected scenes such as"):
        SEN12MS(root, "train")


def test_a_missing_sensor_is_counted_or_skipped(root):
    (root / "ROIs1970_fall/s2_1/ROIs1970_fall_s2_1_p2.tif").unlink()
    shutil.rmtree(root / "ROIs2017_winter/s1_2")
    message = (
        r"3 of 16 patches .* are incomplete: 2 lack s1, such as ROIs2017_winter_2_p1, ROIs2017_winter_2_p2; "
        r"1 lack s2, such as ROIs1970_fall_1_p2; .*incomplete='skip'"
    )
    with pytest.raises(FileNotFoundError, match=message):
        SEN12MS(root)
    dataset = SEN12MS(root, incomplete="skip")
    assert dataset.skipped == ("ROIs1970_fall_1_p2", "ROIs2017_winter_2_p1", "ROIs2017_winter_2_p2")
    assert len(dataset) == ALL - 3
    assert len(SEN12MS(root, product="s2")) == ALL - 1


def test_no_files_of_a_product(root, tmp_path):
    for folder in root.glob("*/s1_*"):
        shutil.rmtree(folder)
    with pytest.raises(
        FileNotFoundError, match=r"no s1 patches of SEN12MS under root=.*ROIs1158_spring_s1_<scene>_p<n>.tif"
    ):
        SEN12MS(root)
    for folder in root.glob("*/lc_*"):
        shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match="16 of 16 patches .* 16 lack lc"):
        SEN12MS(root, product="s2", target="mask", incomplete="skip")


def test_nan_is_refused_by_name_or_filled(root, write_geotiff):
    radar = np.full((2, 12, 12), -9, np.float32)
    radar[1, 0] = np.nan
    write_geotiff(root / "ROIs1158_spring/s1_1/ROIs1158_spring_s1_1_p1.tif", radar)
    with pytest.raises(ValueError, match=r"s1_1_p1.tif: NaN or infinite pixels \(VH: 12 of 144\).*fill="):
        SEN12MS(root)[0]
    filled = SEN12MS(root, fill=-25)[0]["s1"]
    assert (filled[1, 0] == -25).all()
    assert (filled[1, 1:] == -9).all()


def test_the_damaged_patch_of_the_archive_is_left_out_and_listed(root):
    for product in ("s1", "s2", "lc"):
        (root / f"ROIs1868_summer/{product}_146").mkdir()
        source = root / f"ROIs1868_summer/{product}_1/ROIs1868_summer_{product}_1_p1.tif"
        shutil.copy(source, root / f"ROIs1868_summer/{product}_146/ROIs1868_summer_{product}_146_p202.tif")
    dataset = SEN12MS(root)
    assert (len(dataset), dataset.skipped) == (ALL, ("ROIs1868_summer_146_p202",))
    assert len(SEN12MS(root, product="s2")) == len(SEN12MS(root, fill=0.0)) == ALL + 1


def test_targets_from_the_map(root, write_geotiff):
    igbp = np.zeros((4, 12, 12), np.uint16)
    igbp[0] = 12
    igbp[0, :2], igbp[0, 2:4], igbp[0, 4] = 17, 10, 8
    path = root / "ROIs1158_spring/lc_1/ROIs1158_spring_lc_1_p1.tif"
    write_geotiff(path, igbp)
    found = {target: SEN12MS(root, target=target)[0] for target in ("label", "multilabel", "mask")}
    assert (int(found["label"]["label"]), bool(found["label"]["labelled"])) == (4, True)
    assert found["multilabel"]["label"].nonzero().flatten().tolist() == [2, 4, 7]
    assert found["mask"]["mask"].dtype == torch.int64
    assert found["mask"]["mask"][4].unique().tolist() == [255]
    write_geotiff(path, np.full((4, 12, 12), 9, np.uint16))
    ignored = SEN12MS(root, target="label")[0]
    assert (int(ignored["label"]), bool(ignored["labelled"])) == (255, False)
    write_geotiff(path, np.full((4, 12, 12), 18, np.uint16))
    with pytest.raises(ValueError, match=r"lc_1_p1.tif: class 18 out of range"):
        SEN12MS(root, target="mask")[0]


def test_tiles_cover_both_sensors_and_the_map_alike(made_once):
    whole = SEN12MS(made_once, target="mask")[0]
    tiled = SEN12MS(made_once, target="mask", size=8)
    assert len(tiled) == 4 * ALL
    assert tiled.ids[:4] == [f"ROIs1158_spring_1_p1@{row},{column}" for row in (0, 4) for column in (0, 4)]
    for index, (row, column) in enumerate([(0, 0), (0, 4), (4, 0), (4, 4)]):
        sample, part = tiled[index], np.s_[..., row : row + 8, column : column + 8]
        for key in ("s1", "s2", "mask"):
            assert torch.equal(sample[key].float(), whole[key].float()[part])


def test_centre_and_random_parts(made_once):
    whole, middle = SEN12MS(made_once)[0], SEN12MS(made_once, size=8, crops="centre")
    assert len(middle) == ALL
    assert torch.equal(middle[0]["s1"], whole["s1"][:, 2:10, 2:10])
    anywhere = SEN12MS(made_once, size=8, crops="random")
    assert anywhere.ids == middle.ids
    torch.manual_seed(0)
    drawn = [anywhere[0] for _ in range(8)]
    places = {
        (row, column): whole["s1"][:, row : row + 8, column : column + 8] for row in range(4) for column in range(4)
    }
    found = [next(place for place, pixels in places.items() if torch.equal(sample["s1"], pixels)) for sample in drawn]
    assert len(set(found)) > 1
    for (row, column), sample in zip(found, drawn, strict=True):
        assert torch.equal(sample["s2"].float(), whole["s2"].float()[:, row : row + 8, column : column + 8])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "val"}, "unknown split 'val'; .*all"),
        ({"product": "s3"}, "unknown product 's3'; nearest known: s"),
        ({"product": ["s1", "s1"]}, "product must name at least one of s1, s2 and none twice"),
        ({"bands": ["VV"]}, "bands is a mapping such as"),
        ({"target": "masks"}, "unknown target 'masks'; nearest known: mask"),
        ({"size": 13}, "size must be between 1 and the 12 pixels of a patch, got 13"),
        ({"size": 8, "crops": "center"}, "unknown crops 'center'; nearest known: centre"),
        ({"incomplete": "drop"}, "unknown incomplete 'drop'"),
    ],
)
def test_bad_arguments(made_once, arguments, message):
    with pytest.raises(ValueError, match=message):
        SEN12MS(made_once, **arguments)


def test_a_patch_of_another_size_is_refused(root, write_geotiff):
    write_geotiff(root / "ROIs1158_spring/s2_1/ROIs1158_spring_s2_1_p2.tif", np.zeros((13, 10, 12), np.uint16))
    with pytest.raises(ValueError, match=r"s2_1_p2.tif has 10 x 12 pixels, patches here have 12 x 12"):
        SEN12MS(root)[1]


def test_files_that_lie_in_two_folders_are_refused(root):
    shutil.copytree(root / "ROIs1158_spring/s1_1", root / "copy")
    with pytest.raises(ValueError, match=r"ROIs1158_spring_s1_1_p\d.tif and its like lie in .* and in .*; keep one"):
        SEN12MS(root)


def test_a_layout_that_someone_else_made(real_data):
    root = real_data / "synthetic_layouts_torchgeo/sen12ms"
    assert len(SEN12MS(root, "train")) == len(SEN12MS(root, "test")) == len(SEN12MS(root)) == 8
    sample = SEN12MS(root, target="mask")[0]
    assert (sample["s1"].shape, sample["s2"].shape, sample["mask"].shape) == ((2, 64, 64), (13, 64, 64), (64, 64))
