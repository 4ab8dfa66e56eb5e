import math

import pytest
import torch

from eo_losses import label_similarity

Y1 = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
Y2 = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "cosine",
            [[2 / math.sqrt(6), 1, 0], [1 / math.sqrt(6), 0, 0], [1 / math.sqrt(3), 1 / math.sqrt(2), 0], [0, 0, 0]],
        ),
        ("jaccard", [[2 / 3, 1, 0], [1 / 4, 0, 0], [1 / 3, 1 / 2, 0], [0, 0, 0]]),
        ("overlap", [[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]]),
        ("exact", [[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ],
)
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8, torch.float16, torch.float32, torch.float64])
def test_by_hand(kind, expected, dtype):
    got = label_similarity(Y1.to(dtype), Y2.to(dtype), kind)
    torch.testing.assert_close(got, torch.tensor(expected).to(got.dtype))
    assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_cosine_takes_fractions():
    y = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    torch.testing.assert_close(label_similarity(y, y), torch.tensor([[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]]))


def test_autocast_changes_nothing():
    y = torch.rand(8, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = label_similarity(y, y)
    torch.testing.assert_close(inside, label_similarity(y, y), rtol=0, atol=0)


def test_a_golden_of_multi_hot_labels():
    y = torch.tensor([[1, 0, 1], [0, 1, 1], [1, 1, 0]])
    torch.testing.assert_close(label_similarity(y, y, "jaccard"), torch.full((3, 3), 1 / 3).fill_diagonal_(1))


@pytest.mark.parametrize(
    ("y1", "y2", "kind", "message"),
    [
        (Y1, Y2, "dice", r"unknown kind 'dice'; expected one of 'cosine', 'jaccard', 'overlap', 'exact'"),
        (Y1[0], Y2, "cosine", r"y1 must be \(B, K\) with no empty axis, got \(4,\)"),
        (Y1, Y2[:, :3], "cosine", r"y1 and y2 must have the same K classes, got \(4, 4\) and \(3, 3\)"),
        (Y1, Y2 * 3, "overlap", r"y2 must be multi-hot labels of 0 and 1, got 3; class ids go as integers \(B,\)"),
        (
            Y1 * 0.5,
            Y2,
            "jaccard",
            r"y1 must be multi-hot labels of 0 and 1, got 0.5; .*fractions only with kind 'cosine'",
        ),
        (Y1 * -0.5, Y2, "cosine", r"y1 must be multi-hot labels of 0 and 1, got -0.5"),
        (Y1 * torch.nan, Y2, "cosine", r"y1 must be multi-hot labels of 0 and 1, got nan"),
    ],
)
def test_bad_labels_are_refused(y1, y2, kind, message):
    with pytest.raises(ValueError, match=message):
        label_similarity(y1, y2, kind)
