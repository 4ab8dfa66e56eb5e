import sys

import pytest
import torch
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier

from eo_eval import knn as knn_function
from eo_eval.features import Features
from eo_eval.knn import knn, nearest


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("weighting", ["distance", "uniform"])
def test_agrees_with_sklearn(blobs, metric, weighting):
    train, test = blobs()
    oracle = KNeighborsClassifier(15, metric=metric, weights=weighting).fit(train.x, train.y)
    found = knn(train, test, k=15, metric=metric, weighting=weighting)
    torch.testing.assert_close(found.scores.double(), torch.from_numpy(oracle.predict_proba(test.x)), atol=2e-3, rtol=0)
    assert found.headline[1].value == pytest.approx(oracle.score(test.x, test.y), abs=0.006)


def test_softmax_weighting_written_by_hand(blobs):
    train, test = blobs(40, 10)
    cosine = F.normalize(test.x, dim=1) @ F.normalize(train.x, dim=1).T
    value, index = cosine.topk(7)
    wanted = torch.zeros(10, 4)
    for row in range(10):
        for weight, neighbour in zip(
            (value[row] / 0.07).exp() / (value[row] / 0.07).exp().sum(), index[row], strict=True
        ):
            wanted[row, train.y[neighbour]] += weight
    found = knn(train, test, k=7, weighting="softmax")
    torch.testing.assert_close(found.scores, wanted)
    assert found.options["knn_t"] == 0.07


def test_multi_hot_labels_are_averaged(tagged):
    train, test = tagged(50, 20)
    found = knn(train, test, k=5, weighting="uniform")
    _, index = nearest(train.x, test.x, k=5)
    torch.testing.assert_close(found.scores, train.y[index].mean(1))
    assert list(found.metrics) == ["micro_mAP", "macro_mAP"]


def test_an_equal_row_decides():
    x = torch.eye(4)
    train = Features(x=torch.cat([x, x + 0.1]), y=torch.tensor([0, 1, 2, 3, 1, 2, 3, 0]))
    assert knn(train, Features(x=x, y=torch.arange(4)), k=8).headline[1].value == 1


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_the_same_tile_by_tile(blobs, monkeypatch, metric):
    train, test = blobs(60, 30)
    whole = nearest(train.x, test.x, k=4, metric=metric)
    monkeypatch.setattr(sys.modules["eo_eval.knn"], "_TILE", 60 * 7)  # the package shows the function there
    for one, other in zip(whole, nearest(train.x, test.x, k=4, metric=metric), strict=True):
        torch.testing.assert_close(one, other)


def test_euclidean_distances_far_from_the_origin(blobs):
    train, test = blobs(50, 10)
    distance, _ = nearest(train.x + 1000, test.x + 1000, k=3, metric="euclidean")
    wanted = torch.cdist(test.x.double(), train.x.double()).topk(3, largest=False).values
    torch.testing.assert_close(distance.double(), wanted, atol=2e-3, rtol=0)


def test_the_row_names_its_options(blobs):
    found = knn(*blobs(60, 30))
    assert found.method == "knn20"
    assert found.options == {"knn_k": 20, "knn_metric": "cosine", "knn_weighting": "distance"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 61}, "k must be between 1 and the 60 train rows, got 61"),
        ({"k": 0}, "k must be between 1"),
        ({"metric": "cosinus"}, "metric must be one of cosine, euclidean, got 'cosinus'"),
        ({"weighting": "rank"}, "weighting must be one of distance, uniform, softmax, got 'rank'"),
        (
            {"metric": "euclidean", "weighting": "softmax"},
            "'softmax' is of cosine similarities, got metric 'euclidean'",
        ),
    ],
)
def test_bad_options_are_refused(blobs, options, message):
    with pytest.raises(ValueError, match=message):
        knn(*blobs(60, 30), **options)


def test_the_package_gives_the_function():
    assert knn_function is knn
