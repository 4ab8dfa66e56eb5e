import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eo_eval.features import Features
from eo_eval.linear import C_VALUES, PATIENCE, linear_probe


def sklearn_accuracy(train, test, c):
    oracle = make_pipeline(StandardScaler(), LogisticRegression(C=c, tol=1e-8, max_iter=5000))
    return oracle.fit(train.x, train.y).score(test.x, test.y)


def test_c_is_chosen_on_val_as_sklearn_would(blobs):
    train, rest = blobs(200, 400)
    val, test = rest[range(200)], rest[range(200, 400)]
    found = linear_probe(train, test, val=val)
    for c, score in found.selection:
        assert score == pytest.approx(sklearn_accuracy(train, val, c), abs=0.011)
    assert found.options["best_c"] == max(found.selection, key=lambda tried: (tried[1], -tried[0]))[0]
    assert found.headline[1].value == pytest.approx(sklearn_accuracy(train, test, found.options["best_c"]), abs=0.006)
    assert found.options["c_chosen_on"] == "val"


def test_c_is_chosen_by_cross_validation_without_val(blobs):
    train, test = blobs(200, 200)
    found = linear_probe(train, test, folds=4)
    assert found.options["c_chosen_on"] == "4-fold cross-validation"
    assert found.headline[1].value == pytest.approx(sklearn_accuracy(train, test, found.options["best_c"]), abs=0.006)


def test_no_choice_depends_on_the_scored_rows(blobs):
    train, test = blobs(200, 200)
    other = Features(x=test.x, y=(test.y + 1) % 4)
    assert linear_probe(train, test).selection == linear_probe(train, other).selection


def test_multi_hot_labels(tagged):
    train, test = tagged()
    found = linear_probe(train, test, c_values=(0.01, 0.1, 1))
    assert list(found.metrics) == ["micro_mAP", "macro_mAP"]
    assert found.headline[1].value > 1.4 * float(test.y.mean())  # what chance reaches
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_the_path_ends_when_it_only_falls(blobs):
    train, test = blobs(60, 60, dim=40, spread=3)
    scores = [score for _, score in linear_probe(train, test).selection]
    assert len(scores) < len(C_VALUES)
    assert max(scores[:-PATIENCE]) > max(scores[-PATIENCE:])


def test_a_class_that_only_the_test_rows_have(blobs):
    train, test = blobs(100, 50)
    found = linear_probe(train, Features(x=test.x, y=test.y + 1), c_values=(0.1,))
    assert found.scores.shape == (50, 5)


def test_rows_come_back_in_their_order(blobs):
    train, test = blobs(200, 100)
    found = linear_probe(train, test, c_values=(1,))
    turned = linear_probe(train, test[range(99, -1, -1)], c_values=(1,))
    torch.testing.assert_close(found.scores, turned.scores.flip(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"c_values": ()}, r"c_values must be positive numbers, got \[\]"),
        ({"c_values": (1, 0)}, r"c_values must be positive numbers, got \[1, 0\]"),
        ({"folds": 1}, "folds must be between 2 and the 60 train samples, got 1; or pass val="),
    ],
)
def test_bad_options_are_refused(blobs, options, message):
    with pytest.raises(ValueError, match=message):
        linear_probe(*blobs(60, 10), **options)


def test_a_single_class_is_refused(blobs):
    train, test = blobs(60, 10)
    with pytest.raises(ValueError, match="all 60 train rows are of class 2; a probe needs two"):
        linear_probe(Features(x=train.x, y=torch.full((60,), 2)), test)
