import pytest
import torch
from sklearn.metrics import accuracy_score, average_precision_score, balanced_accuracy_score, f1_score

from eo_eval.metrics import accuracy, average_precision, estimate, macro_map, measure, metrics_for, micro_map, per_class


@pytest.fixture
def multilabel():
    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(200, 4, generator=generator) < 0.3).float()
    scores = (y + 1.5 * torch.rand(200, 4, generator=generator)).mul(8).round() / 8  # many ties
    return scores.double(), y


def ones(y):
    return torch.ones(1, len(y), dtype=torch.float64)


def test_average_precision_is_sklearns_also_with_ties_and_weights(multilabel):
    scores, y = multilabel
    weights = torch.randint(0, 4, (3, 200), generator=torch.Generator().manual_seed(1)).double()
    found = average_precision(scores[:, 0], y[:, 0], weights)
    wanted = [average_precision_score(y[:, 0], scores[:, 0], sample_weight=w) for w in weights]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


@pytest.mark.parametrize(("metric", "average"), [(micro_map, "micro"), (macro_map, "macro")])
def test_mean_average_precision_is_sklearns(multilabel, metric, average):
    scores, y = multilabel
    assert float(metric(scores, y, ones(y))) == pytest.approx(average_precision_score(y, scores, average=average))


def test_a_class_without_positives_is_left_out_of_the_macro_mean(multilabel):
    scores, y = multilabel
    y[:, 2] = 0
    wanted = average_precision_score(y[:, [0, 1, 3]], scores[:, [0, 1, 3]], average="macro")
    assert measure("macro_mAP", scores, y) == pytest.approx(wanted)


def test_accuracy_by_hand():
    scores = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    y = torch.tensor([0, 1, 1])
    assert float(accuracy(scores, y, ones(y))) == pytest.approx(accuracy_score(y, scores.argmax(1)))
    assert float(accuracy(scores, y, torch.tensor([[1.0, 0, 3]]))) == pytest.approx(1 / 4)


def test_interval_is_that_of_the_binomial_distribution():
    right = torch.rand(2000, generator=torch.Generator().manual_seed(0)) < 0.7
    scores = torch.stack([right, ~right], dim=1).double()
    found = estimate("accuracy", scores, torch.zeros(2000, dtype=torch.int64))
    half = 1.96 * (found.value * (1 - found.value) / 2000) ** 0.5
    assert found.low == pytest.approx(found.value - half, abs=0.003)
    assert found.high == pytest.approx(found.value + half, abs=0.003)


def test_interval_is_the_same_for_the_same_seed_however_it_is_cut(multilabel, monkeypatch):
    scores, y = multilabel
    one = estimate("micro_mAP", scores, y, resamples=50, seed=3)
    assert estimate("micro_mAP", scores, y, resamples=50, seed=3) == one
    assert estimate("micro_mAP", scores, y, resamples=50, seed=4) != one


def test_rows_of_a_group_are_drawn_together():
    right = torch.rand(100, generator=torch.Generator().manual_seed(0)) < 0.5
    scores = torch.stack([right, ~right], dim=1).double().repeat_interleave(9, dim=0)
    y = torch.zeros(900, dtype=torch.int64)
    alone = estimate("accuracy", scores, y)
    grouped = estimate("accuracy", scores, y, groups=[str(i // 9) for i in range(900)])
    assert grouped.value == alone.value
    assert grouped.high - grouped.low == pytest.approx(3 * (alone.high - alone.low), rel=0.2)


def test_mean_over_batches_by_hand(multilabel):
    scores, y = multilabel
    wanted = [average_precision_score(y[i : i + 64], scores[i : i + 64], average="micro") for i in (0, 64, 128)]
    found = estimate("micro_mAP", scores, y, batch=64)
    assert found.value == pytest.approx(sum(wanted) / 3)
    assert min(wanted) <= found.low <= found.value <= found.high <= max(wanted)


def test_per_class(multilabel):
    scores = torch.eye(3)[[0, 1, 1, 2]]
    torch.testing.assert_close(per_class(scores, torch.tensor([0, 1, 2, 2])), torch.tensor([1, 1, 0.5]).double())
    scores, y = multilabel
    wanted = average_precision_score(y, scores, average=None)
    torch.testing.assert_close(per_class(scores, y), torch.from_numpy(wanted))


def test_the_headline_of_each_kind_of_label():
    assert metrics_for(torch.zeros(3, dtype=torch.int64)) == ("accuracy",)
    assert metrics_for(torch.zeros(3, 2))[0] == "micro_mAP"


def test_average_accuracy_and_f1_are_sklearns():
    generator = torch.Generator().manual_seed(0)
    scores, y = torch.rand(60, 5, generator=generator).double(), torch.randint(0, 4, (60,), generator=generator)
    assert measure("average_accuracy", scores, y) == pytest.approx(balanced_accuracy_score(y, scores.argmax(1)))
    assert measure("macro_F1", scores, y) == pytest.approx(f1_score(y, scores.argmax(1), average="macro"))
    one_hot = torch.nn.functional.one_hot(y, 5)[:, :4]
    wanted = average_precision_score(one_hot, scores[:, :4], average="macro")
    assert measure("macro_AUPRC", scores[:, :4], y) == pytest.approx(wanted)


def test_worked_check_of_f1_over_several_labels():
    y = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]]).float()
    said = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 0]]).double()
    assert measure("macro_F1", said, y) == pytest.approx(0.5556, abs=1e-4)
    assert measure("micro_F1", said, y) == pytest.approx(0.75)
    assert measure("micro_F1", torch.full((4, 3), 0.5).double(), y) == 0  # a half is not yet a yes
