import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from eo_eval.logistic import Basis, class_scores, fit_logistic


@pytest.mark.parametrize("c", [1e-4, 0.01, 1, 100])
def test_agrees_with_sklearn(blobs, c):
    train, test = blobs()
    basis = Basis.of(train.x)
    theta = fit_logistic(basis(train.x), F.one_hot(train.y).float(), basis.variance, c=c, multilabel=False)
    scaler = StandardScaler().fit(train.x)
    oracle = LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(scaler.transform(train.x), train.y)
    found = class_scores(basis(test.x), theta)[:, 0].T.softmax(1)
    wanted = torch.from_numpy(oracle.predict_proba(scaler.transform(test.x)))
    torch.testing.assert_close(found.double(), wanted, atol=2e-3, rtol=0)


@pytest.mark.parametrize("c", [0.01, 10])
def test_agrees_with_sklearn_one_against_the_rest(tagged, c):
    train, test = tagged()
    basis = Basis.of(train.x)
    theta = fit_logistic(basis(train.x), train.y, basis.variance, c=c, multilabel=True)
    scaler = StandardScaler().fit(train.x)
    oracle = OneVsRestClassifier(LogisticRegression(C=c, tol=1e-8, max_iter=5000))
    oracle.fit(scaler.transform(train.x), train.y.numpy())
    found = class_scores(basis(test.x), theta)[:, 0].T.sigmoid()
    wanted = torch.from_numpy(oracle.predict_proba(scaler.transform(test.x)))
    torch.testing.assert_close(found.double(), wanted, atol=2e-3, rtol=0)


def test_several_fits_at_once_are_the_fits_one_by_one(blobs):
    train, _ = blobs(120, 10)
    basis, target = Basis.of(train.x), F.one_hot(train.y).float()
    x = basis(train.x)
    kept = (torch.arange(120) % 3 != torch.arange(3)[:, None]).float()
    together = fit_logistic(x, target, basis.variance, c=0.1, multilabel=False, kept=kept)
    for i in range(3):
        rows = kept[i] > 0
        alone = fit_logistic(x[rows], target[rows], basis.variance, c=0.1, multilabel=False)
        torch.testing.assert_close(
            class_scores(x, together[:, i : i + 1]).softmax(0), class_scores(x, alone).softmax(0), atol=2e-3, rtol=0
        )


def test_a_start_changes_nothing_but_the_way(blobs):
    train, _ = blobs(120, 10)
    basis, target = Basis.of(train.x), F.one_hot(train.y).float()
    x = basis(train.x)
    start = torch.randn(4, 1, x.shape[1], generator=torch.Generator().manual_seed(0))
    cold = fit_logistic(x, target, basis.variance, c=1, multilabel=False)
    warm = fit_logistic(x, target, basis.variance, c=1, multilabel=False, start=start)
    torch.testing.assert_close(class_scores(x, warm).softmax(0), class_scores(x, cold).softmax(0), atol=2e-3, rtol=0)


def test_constant_and_repeated_features_do_no_harm(blobs):
    train, _ = blobs(120, 10)
    wide = torch.cat([train.x, train.x, torch.ones(120, 2)], dim=1)
    basis = Basis.of(wide)
    assert len(basis.variance) == train.x.shape[1]
    assert basis(wide).isfinite().all()


def test_more_features_than_rows(blobs):
    train, _ = blobs(20, 5, dim=50)
    basis = Basis.of(train.x)
    assert len(basis.variance) <= 20
    theta = fit_logistic(basis(train.x), F.one_hot(train.y, 4).float(), basis.variance, c=1e4, multilabel=False)
    assert (class_scores(basis(train.x), theta)[:, 0].argmax(0) == train.y).all()
