import numpy as np
import pytest

from eo_data.synthetic.cells import divide, either, frame


@pytest.fixture
def cells():
    return divide(np.random.default_rng(0), frame(60, 0.4), width=8, length=14)


def test_every_pixel_lies_in_a_cell(cells):
    assert cells.ids.min() >= 0
    assert cells.ids.max() < cells.count
    assert cells.border.min() >= 0


def test_cells_have_about_the_size_asked_for(cells):
    inside = np.bincount(cells.ids.ravel())
    assert 40 < np.median(inside[inside > 0]) < 220  # 8 x 14, cut off at the edges of the image


def test_a_disc_lies_within_its_cell(cells):
    assert (cells.disc <= cells.border + 1e-3).all()
    assert 0.2 < (cells.disc > 0).mean() < 0.8


def test_the_mean_of_a_cell_is_the_same_all_over_it(cells):
    plane = np.random.default_rng(1).random((60, 60), dtype=np.float32)
    mean = cells.mean(plane)
    chosen = cells.ids == cells.ids[30, 30]
    np.testing.assert_allclose(mean[chosen], plane[chosen].mean(), rtol=1e-5)


def test_either_keeps_the_cells_of_both_apart(cells):
    other = divide(np.random.default_rng(2), frame(60, 1.4), width=8, length=14)
    where = np.arange(60)[None] < np.full((60, 1), 30)
    both = either(cells, other, where)
    assert not set(both.ids[:, :30].ravel()) & set(both.ids[:, 30:].ravel())
    np.testing.assert_array_equal(both.border[:, 30:], other.border[:, 30:])


def test_a_turned_frame_keeps_distances():
    u, v = frame(10, 0.7)
    assert np.hypot(u[9, 9] - u[0, 0], v[9, 9] - v[0, 0]) == pytest.approx(np.hypot(9, 9), rel=1e-5)
