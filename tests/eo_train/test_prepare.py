import pytest
import torch

from eo_data import Normalize
from eo_train import View, ViewConfig, Views
from eo_train.prepare import Prepare, choose_dates, settle_dates

BANDS = ("VV", "VH")
WHOLE = ViewConfig(scale=(1, 1), ratio=(1, 1), hflip=0, vflip=0, transpose=0, jitter=0, grayscale=0, blur=0)


TWO = (View(), View(date=1))


def prepare(dates=1, steps=(), wanted=TWO, **options):
    normalize, views = {"image": Normalize(list(steps), BANDS)}, {"image": Views(WHOLE, 8, BANDS)}
    return Prepare(normalize, views, wanted, dates=dates, **options)


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
    chosen = choose_dates(4000, 3, 2, generator())
    pairs = (chosen[0] * 3 + chosen[1]).bincount(minlength=9)
    assert pairs[[0, 4, 8]].sum() == 0
    assert pairs[[1, 2, 3, 5, 6, 7]].min() > 550


def test_views_of_one_place_are_the_same_window_and_others_are_not():
    crops = ViewConfig(scale=(0.2, 0.4), hflip=0.5, vflip=0.5, transpose=0.5, jitter=0, grayscale=0, blur=0)
    image = torch.randn(6, 2, 16, 16)
    same = (View(image="s1", place="a"), View(image="s2", place="a"), View(image="s2"))
    each = {"s1": Views(crops, 8, BANDS), "s2": Views(crops, 8, BANDS)}
    normalize = {key: Normalize([], BANDS) for key in each}
    out = Prepare(normalize, each, same)({"s1": image, "s2": image.clone()}, generator())
    torch.testing.assert_close(out.views[0], out.views[1])
    assert not torch.allclose(out.views[1], out.views[2])


def test_one_place_in_images_of_two_sizes_is_refused():
    each = {"s1": Views(WHOLE, 8, BANDS), "s2": Views(WHOLE, 8, BANDS)}
    same = (View(image="s1", place="a"), View(image="s2", place="a"))
    batch = {"s1": torch.randn(2, 2, 16, 16), "s2": torch.randn(2, 2, 8, 8)}
    with pytest.raises(ValueError, match="share one place, got 16x16 and 8x8 pixels; bring them to one grid"):
        Prepare({key: Normalize([], BANDS) for key in each}, each, same)(batch, generator())


def test_a_cropped_view_is_neither_turned_nor_disturbed_and_a_whole_one_is_the_image():
    wild = ViewConfig(scale=(1, 1), ratio=(1, 1), hflip=1, vflip=0, transpose=0, jitter=1, brightness=1, blur=0)
    image = torch.randn(3, 2, 8, 8)
    wanted = (View(), View(draw="cropped"), View(draw="whole"))
    out = Prepare({"image": Normalize([], BANDS)}, {"image": Views(wild, 8, BANDS)}, wanted)(
        {"image": image}, generator()
    )
    assert not torch.allclose(out.views[0], image)
    torch.testing.assert_close(out.views[1], image)
    torch.testing.assert_close(out.views[2], image, rtol=0, atol=0)
    small = Prepare({"image": Normalize([], BANDS)}, {"image": Views(wild, 4, BANDS)}, wanted[2:])
    assert small({"image": image}, generator()).views[0].shape == (3, 2, 4, 4)


def test_three_dates_are_different_unless_drawn_with_replacement():
    chosen = choose_dates(500, 5, 3, generator())
    assert all(len(set(row)) == 3 for row in chosen.T.tolist())
    again = choose_dates(4000, 5, 3, generator(), replacement=True)
    distinct = sum(len(set(row)) == 3 for row in again.T.tolist()) / 4000
    assert abs(distinct - 0.48) < 0.03  # as published: 4/5 x 3/5


def test_where_there_are_two_dates_the_third_is_the_second():
    season = torch.arange(2.0).view(1, 2, 1, 1, 1).expand(64, 2, 2, 8, 8)
    wanted = (View(), View(date=1), View(date=2), View())
    q, k0, k1, k2 = (view[:, 0, 0, 0] for view in prepare(2, wanted=wanted)({"image": season}, generator()).views)
    assert torch.equal(k0, 1 - q)
    assert torch.equal(k1, 1 - q)
    assert torch.equal(k2, q)
    assert 0 < q.mean() < 1


def test_dates_settle_on_what_there_is():
    assert settle_dates(3, 5) == settle_dates(3, 3) == 3
    assert settle_dates(3, 2) == 2
    assert settle_dates(3, 2, replacement=True) == 3
    with pytest.raises(ValueError, match="views from 3 dates want at least 2 an image, got 1; give the data set more"):
        settle_dates(3, 1, replacement=True)


def test_a_label_of_the_place_goes_to_every_view():
    batch = {"image": torch.randn(4, 3, 2, 8, 8), "label": torch.eye(4)[:, :3]}  # as many classes as dates
    out = prepare(2)(batch, generator())
    assert all(torch.equal(labels, batch["label"]) for labels in out.labels)


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (torch.full((2, 2, 8, 8), float("nan")), "pixels are NaN or infinite in a, b; mend or leave out these images"),
        (
            torch.full((2, 2, 8, 8), 2300.0),
            "should be of the order of 1, got 2300 on average: these look like raw ones; set",
        ),
        (torch.zeros(2, 1, 2, 8, 8), "views from 2 dates want at least 2 an image, got 1"),
    ],
)
def test_refuses_with_the_way_out(image, text):
    with pytest.raises(ValueError, match=text):
        prepare(dates=1 if image.ndim == 4 else 2)({"image": image, "id": ["a", "b"]}, generator())
