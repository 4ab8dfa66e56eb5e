import pytest
import torch

from eo_eval.features import Features
from eo_eval.labels import check_pair, targets

X, Y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 1])


def test_the_number_of_classes():
    assert check_pair(Features(x=X, y=Y), Features(x=X, y=Y + 1)) == 4
    named = Features(x=X, y=Y, classes=("a", "b", "c", "d", "e"))
    assert check_pair(named, named) == 5
    assert check_pair(Features(x=X, y=torch.zeros(4, 7)), Features(x=X, y=torch.ones(4, 7))) == 7


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (Features(x=X), Features(x=X, y=Y), "the train features carry no labels"),
        (Features(x=X, y=Y), Features(x=X[:0], y=Y[:0]), "the test features are empty"),
        (Features(x=X, y=Y), Features(x=X, y=Y - 1), "1 of 4 test rows are unlabelled; leave them out with drop_"),
        (Features(x=X, y=Y), Features(x=X[:, :2], y=Y), "train features have 3 dimensions, test features 2"),
        (Features(x=X, y=Y), Features(x=X, y=torch.zeros(4, 5)), "differ in kind: classes and multi-hot over 5"),
        (Features(x=X, y=Y, classes=("a",) * 3), Features(x=X, y=Y), "name different classes"),
        (Features(x=X, y=Y, classes=("a", "b")),) * 2 + ("label 2 has no name: there are 2 classes",),
        (Features(x=X / 0, y=Y), Features(x=X, y=Y), "4 of 4 train rows are not finite"),
    ],
)
def test_what_cannot_be_probed_together_is_refused(train, test, message):
    with pytest.raises(ValueError, match=message):
        check_pair(train, test)


def test_targets():
    assert targets(Y, 3).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert targets(torch.ones(2, 3), 3).dtype == torch.float32
