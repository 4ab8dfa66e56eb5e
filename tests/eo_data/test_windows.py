from random import Random

import pytest
import torch

from eo_data.windows import choose_seasons, cut_window


def test_the_central_window_and_its_bounds():
    image = torch.arange(5 * 6).view(1, 5, 6)
    cut = cut_window({"image": image, "bounds": torch.tensor([0.0, 0.0, 6.0, 5.0]), "label": image}, ["image"], 3, None)
    assert torch.equal(cut["image"], image[:, 1:4, 1:4])
    assert cut["bounds"].tolist() == pytest.approx([1, 1, 4, 4])
    assert cut["label"] is image


def test_a_window_as_large_as_the_image_is_the_image():
    image = torch.rand(2, 4, 4)
    assert torch.equal(cut_window({"image": image}, ["image"], 4, Random(0))["image"], image)


def test_grids_that_do_not_divide():
    grids = {"image_10m": torch.rand(1, 695, 540), "image_60m": torch.rand(1, 116, 90)}
    expected = "image_60m has 116 x 90 pixels, which do not divide the finest grid's 695 x 540"
    with pytest.raises(ValueError, match=expected):
        cut_window(grids, list(grids), 60, None)


def test_seasons_leave_other_labels_alone():
    tensors = {"image": torch.rand(3, 2, 4, 4), "label": torch.arange(3), "t": torch.arange(3)}
    chosen = choose_seasons(tensors, ["image"], 2, None)
    assert torch.equal(chosen["image"], tensors["image"][:2])
    assert chosen["t"].tolist() == [0, 1]
    assert chosen["label"].tolist() == [0, 1, 2]  # of the place: nothing says that it has seasons


def test_seasons_of_an_image_without_any():
    with pytest.raises(ValueError, match="seasons=1 wants at least as many in every image, found no image"):
        choose_seasons({"image": torch.rand(2, 4, 4)}, ["image"], 1, None)
