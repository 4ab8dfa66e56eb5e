import torch

from eo_eval.report.classes import class_view, in_words
from eo_eval.store import Predictions


def predictions(scores, y, selection=()):
    count = scores.shape[1]
    return Predictions(
        dataset="made", split="val", method="linear", ids=tuple(map(str, range(len(y)))), selection=selection,
        classes=tuple("abc") if count == 3 else tuple(map(str, range(count))), scores=scores, y=y,
    )  # fmt: skip


def test_confusions_by_hand():
    view = class_view(predictions(torch.eye(3)[[0, 0, 1, 2]], torch.tensor([0, 0, 1, 1])))
    rows = {name: [cell["text"] for cell in cells] for name, cells in view["matrix"]["rows"]}
    assert rows == {"a": ["100", "", ""], "b": ["", "50", "50"], "c": ["", "", ""]}
    assert view["matrix"]["rows"][1][1][2]["title"] == "b taken for c: 1 of 2"
    assert [(bar["name"], bar["rows"]) for bar in view["bars"]][:2] == [("a", 2), ("b", 2)]
    assert view["selection"] is None


def test_moved_scores_by_hand():
    y = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])
    scores = torch.tensor([[0.9, 0.1, 0], [0.1, 0.8, 0], [0.7, 0.6, 0]])
    view = class_view(predictions(scores, y, selection=((0.1, 0.5), (1.0, 0.7))))
    rows = {name: [cell["text"] for cell in cells] for name, cells in view["matrix"]["rows"]}
    assert rows["a"] == ["70", "-45", ""]
    assert rows["c"] == ["", "", ""]  # never present: nothing to compare
    assert view["selection"].startswith("<svg")


def test_many_classes_have_bars_but_no_matrix():
    view = class_view(predictions(torch.eye(40), torch.arange(40)))
    assert view["matrix"] is None
    assert len(view["bars"]) == 40


def test_class_names_in_words():
    assert in_words("HerbaceousVegetation") == "Herbaceous vegetation"
    assert in_words("snow and ice") == "snow and ice"
    assert in_words("Forest") == "Forest"
    assert in_words("B8A") == "B8A"
