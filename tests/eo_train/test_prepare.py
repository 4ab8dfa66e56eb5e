import pytest
import torch

from eo_data import Normalize
from eo_train import ViewConfig, Views
from eo_train.prepare import Prepare, choose_seasons

BANDS = ("VV", "VH")
WHOLE = ViewConfig(scale=(1, 1), ratio=(1, 1), hflip=0, vflip=0, transpose=0, jitter=0, grayscale=0, blur=0)


def prepare(seasons=1, steps=()):
    return Prepare(Normalize(list(steps), BANDS), Views(WHOLE, 8, BANDS), seasons=seasons)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_normalizes_once_and_gives_two_views():
    batch = {"image": torch.full((4, 2, 8, 8), 6, dtype=torch.uint8), "label": torch.arange(4)}
    out = prepare(steps=[{"op": "affine", "scale": 0.5, "offset": 1.0}])(batch, generator())
    for view in out.views:
        torch.testing.assert_close(view, torch.full((4, 2, 8, 8), 4.0))
    assert torch.equal(out.labels[0], torch.arange(4))


@pytest.mark.parametrize("seasons", [1, 2])
def test_views_come_with_the_labels_of_their_season(seasons):
    season = torch.arange(4.0)
    batch = {"image": season.view(1, 4, 1, 1, 1).expand(16, 4, 2, 8, 8), "label": season.view(1, 4, 1).expand(16, 4, 1)}
    out = prepare(seasons)(batch, generator())
    first, second = (view[:, 0, 0, 0] for view in out.views)
    torch.testing.assert_close(first, out.labels[0][:, 0])
    torch.testing.assert_close(second, out.labels[1][:, 0])
    assert bool((first == second).all()) == (seasons == 1)
    assert len(first.unique()) == 4


def test_season_choice_is_uniform_over_ordered_pairs():
    chosen = choose_seasons(4000, 3, 2, generator())
    pairs = (chosen[0] * 3 + chosen[1]).bincount(minlength=9)
    assert pairs[[0, 4, 8]].sum() == 0
    assert pairs[[1, 2, 3, 5, 6, 7]].min() > 550


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (torch.full((2, 2, 8, 8), float("nan")), "pixels are NaN or infinite in a, b; mend or leave out these images"),
        (
            torch.full((2, 2, 8, 8), 2300.0),
            "should be of the order of 1, got 2300 on average: these look like raw ones; set",
        ),
        (torch.zeros(2, 1, 2, 8, 8), "views from 2 seasons want at least 2 an image, got 1"),
    ],
)
def test_refuses_with_the_way_out(image, text):
    with pytest.raises(ValueError, match=text):
        prepare(seasons=2)({"image": image, "id": ["a", "b"]}, generator())
