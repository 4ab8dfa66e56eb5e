from pathlib import Path

import numpy as np
import pytest
import torch

from eo_data.land_cover import DFC_CLASSES, DFC_TO_LABEL, IGBP_TO_DFC, majority, multi_hot, training_mask

MAP = Path("map.tif")


def test_igbp_comes_to_the_ten_classes():
    ten = [
        "none",
        "Forest",
        "Shrubland",
        "Savanna",
        "Grassland",
        "Wetlands",
        "Croplands",
        "Urban",
        "Snow",
        "Barren",
        "Water",
    ]
    expected = [("Forest", range(1, 6)), ("Shrubland", (6, 7)), ("Savanna", (8, 9)), ("Grassland", (10,)),
                ("Wetlands", (11,)), ("Croplands", (12, 14)), ("Urban", (13,)), ("Snow", (15,)), ("Barren", (16,)),
                ("Water", (17,)), ("none", (0,))]  # fmt: skip
    assert sum(len(values) for _, values in expected) == len(IGBP_TO_DFC) == 18
    for name, values in expected:
        assert {int(IGBP_TO_DFC[value]) for value in values} == {ten.index(name)}


def test_the_ten_classes_come_to_eight_labels_and_none():
    assert DFC_TO_LABEL.tolist() == [255, 0, 1, 255, 2, 3, 4, 5, 255, 6, 7]
    assert len(DFC_CLASSES) == 8


def test_worked_check_of_a_map_of_256_pixels():
    dfc = np.full((256, 256), 6, np.uint16)  # Croplands
    dfc[:30], dfc[30:60], dfc[60:64] = 10, 4, 3  # Water, Grassland, Savanna
    mask = training_mask(dfc, product="dfc", path=MAP)
    values, counts = mask.unique(return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {2: 7680, 4: 49152, 7: 7680, 255: 1024}
    assert multi_hot(mask).nonzero().flatten().tolist() == [2, 4, 7]
    assert int(majority(mask)) == 4


def test_no_class_competes_for_the_majority_and_ties_go_to_the_smaller():
    assert int(majority(torch.tensor([[255, 255, 0]]))) == 255
    assert int(majority(torch.tensor([[7, 7, 2, 2, 255]]))) == 2


def test_ignored_pixels_count_in_the_share_of_a_class():
    mask = torch.cat([torch.full((91,), 255), torch.zeros(9, dtype=torch.int64)]).view(10, 10)
    assert not multi_hot(mask).any()
    mask[0, 0] = 0
    assert multi_hot(mask).tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert not multi_hot(torch.full((4, 4), 255)).any()


@pytest.mark.parametrize(
    ("product", "value", "message"),
    [("dfc", 11, "map.tif: class 11 out of range; dfc maps hold whole numbers from 0 to 10"),
     ("lc", 18, "class 18 out of range; lc maps .* 0 to 17"),
     ("dfc", 2.5, "class 2.5 out of range"), ("lc", float("nan"), "class nan out of range")],
)  # fmt: skip
def test_values_out_of_range_are_named(product, value, message):
    with pytest.raises(ValueError, match=message):
        training_mask(np.array([[1.0, value]]), product=product, path=MAP)
