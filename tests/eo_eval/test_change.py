import pytest
import torch

from eo_eval.change import measure_change, precision_recall_f1


def counts(found, false, missed, right=10):
    return torch.tensor([[right, false], [missed, found]])


def test_by_hand():
    f1, precision, recall = precision_recall_f1(counts(6, 2, 4)).tolist()
    assert (f1, precision, recall) == pytest.approx((12 / 18, 6 / 8, 6 / 10))
    assert precision_recall_f1(counts(0, 0, 0)).tolist() == [0, 0, 0]  # as the published code has it
    assert precision_recall_f1(counts(0, 3, 0)).tolist() == [0, 0, 0]


def test_pixels_of_all_images_count_together():
    images = torch.stack([counts(6, 2, 4), counts(0, 5, 0), counts(9, 0, 1)])
    found = measure_change(images, bootstrap=200)
    assert list(found) == ["F1", "precision", "recall"]
    assert found["F1"].value == pytest.approx(2 * 15 / (2 * 15 + 7 + 5))
    assert found["precision"].value == pytest.approx(15 / 22)
    assert found["F1"].low <= found["F1"].value <= found["F1"].high


def test_means_over_shuffled_batches_are_another_number():
    images = torch.stack([counts(8, 0, 0)] * 3 + [counts(0, 0, 8)] * 4)
    whole, batches = measure_change(images), measure_change(images, batch=1)
    assert whole["F1"].value == pytest.approx(48 / 80)
    assert batches["F1"].value == pytest.approx(3 / 7)
    twos = {measure_change(images, batch=2, seed=seed)["recall"].value for seed in range(20)}
    assert len(twos) > 1  # the order and the image that is dropped are drawn
    assert measure_change(images, batch=8)["F1"].value == whole["F1"].value  # not one whole batch


def test_interval_narrows_with_more_images():
    few, many = (torch.stack([counts(6, 2, 4), counts(1, 3, 2)] * repeat) for repeat in (3, 100))
    widths = [measure_change(each)["F1"].high - measure_change(each)["F1"].low for each in (few, many)]
    assert 0 < widths[1] < widths[0] / 3
