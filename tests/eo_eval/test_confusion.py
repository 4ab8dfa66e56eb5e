import math

import pytest
import torch
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score, recall_score

from eo_eval.confusion import (
    average_accuracy,
    batch_mean_recall,
    confusion,
    count_ignored,
    f1,
    iou,
    macro_f1,
    mean_iou,
    overall_accuracy,
    recall,
)


@pytest.fixture
def maps():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 5, (6, 9, 9), generator=generator)
    said = torch.where(torch.rand(truth.shape, generator=generator) < 0.6, truth, truth.roll(1))
    return said, truth


def test_counts_and_scores_are_sklearns(maps):
    said, truth = maps
    counts = confusion(said, truth, 5)
    flat = (truth.flatten(), said.flatten())
    assert counts.tolist() == confusion_matrix(*flat).tolist()
    torch.testing.assert_close(
        recall(counts).double(), torch.tensor(recall_score(*flat, average=None)), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        iou(counts).double(), torch.tensor(jaccard_score(*flat, average=None)), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(f1(counts).double(), torch.tensor(f1_score(*flat, average=None)), atol=1e-6, rtol=0)
    assert macro_f1(counts) == pytest.approx(f1_score(*flat, average="macro"))
    assert overall_accuracy(counts) == pytest.approx(float((said == truth).float().mean()))


def test_batches_add_up_to_the_whole_set(maps):
    said, truth = maps
    parts = [confusion(said[rows], truth[rows], 5) for rows in (slice(0, 1), slice(1, 6))]
    assert torch.equal(sum(parts), confusion(said, truth, 5))


def test_ignored_pixels_are_left_out():
    counts = confusion(torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 255, -1]), 2)
    assert counts.tolist() == [[1, 0], [0, 1]]
    nothing = confusion(torch.tensor([0, 1]), torch.tensor([255, 255]), 2)
    assert nothing.sum() == 0
    assert math.isnan(overall_accuracy(nothing))
    assert math.isnan(average_accuracy(nothing))


def test_absent_classes_are_skipped_or_count_nothing():
    counts = confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 0]), 3)
    assert average_accuracy(counts) == pytest.approx(2 / 3)
    assert mean_iou(counts) == pytest.approx(1 / 3)  # class 1 was predicted, class 2 is nowhere
    assert mean_iou(counts, absent="zero") == pytest.approx(2 / 9)


def test_worked_check_of_no_class_as_a_class():
    counts = count_ignored(torch.tensor([0, 0, 1, 1, 3]), torch.tensor([0, 0, 0, 1, 255]), 8)
    assert average_accuracy(counts) == pytest.approx(0.5556, abs=1e-4)
    assert overall_accuracy(counts) == pytest.approx(0.6)
    assert recall(counts)[[0, 1, 8]].tolist() == pytest.approx([2 / 3, 1, 0])


def test_published_means_over_batches_weigh_batches_alike_and_may_be_nan():
    whole = confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)
    half = confusion(torch.tensor([0, 1]), torch.tensor([0, 1]), 2)
    each, average = batch_mean_recall([whole, half])
    assert (each.tolist(), average) == ([0.75, 1.0], 0.875)
    each, average = batch_mean_recall([whole, confusion(torch.tensor([0]), torch.tensor([0]), 2)])
    assert each[0] == 0.75
    assert each[1].isnan()
    assert math.isnan(average)


@pytest.mark.parametrize(
    ("said", "truth", "message"),
    [([0, 1], [0], r"must have one shape, got \(2,\)"), ([0], [2], "class 2 out of range: there are 2 classes"),
     ([4], [0], "class 4 out of range")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(said, truth, message):
    with pytest.raises(ValueError, match=message):
        confusion(torch.tensor(said), torch.tensor(truth), 2)
