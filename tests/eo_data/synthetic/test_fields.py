import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eo_data.synthetic.fields import blur, distance_to_zero, enlarge, fractal, shrink, smoothstep


def roughness(field):
    """Mean square step between neighbours, relative to the variance."""
    return np.square(np.diff(field)).mean() / field.var()


def test_noise_has_mean_0_and_variance_1_over_many_draws():
    draws = np.concatenate([fractal(np.random.default_rng(seed), 48, [(2.0, 8)] * 8) for seed in range(4)])
    assert draws.mean() == pytest.approx(0, abs=0.05)
    assert draws.var() == pytest.approx(1, abs=0.1)


def test_a_steeper_spectrum_is_smoother():
    white, ragged, rolling = fractal(np.random.default_rng(0), 96, [(0.0, 20), (2.0, 20), (4.0, 20)])
    assert roughness(white) > 2 * roughness(ragged) > 8 * roughness(rolling)


def test_features_have_the_same_size_in_any_window():
    small = np.mean([roughness(fractal(np.random.default_rng(s), 48, [(3.0, 12)])[0]) for s in range(20)])
    large = np.mean([roughness(fractal(np.random.default_rng(s), 192, [(3.0, 12)])[0]) for s in range(5)])
    assert small == pytest.approx(large, rel=0.25)


def test_fields_of_one_draw_are_independent():
    first, second = fractal(np.random.default_rng(0), 96, [(1.0, 8)] * 2)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([2, 6]))
def test_shrink_takes_means_and_enlarge_keeps_constants(height, width, factor):
    small = np.random.default_rng(0).random((2, height, width), dtype=np.float32)
    np.testing.assert_allclose(shrink(small.repeat(factor, 1).repeat(factor, 2), factor), small, rtol=1e-5)
    assert enlarge(small, factor).shape == (2, height * factor, width * factor)
    np.testing.assert_allclose(enlarge(np.full((height, width), 3, np.float32), factor), 3, rtol=1e-5)


def test_enlarge_interpolates_between_centres():
    ramp = np.array([[0, 2]], np.float32)
    np.testing.assert_allclose(enlarge(ramp, 2), [[0, 0.5, 1.5, 2]] * 2)


def test_blur_spreads_a_point_and_keeps_its_sum():
    point = np.zeros((5, 5), np.float32)
    point[2, 2] = 1
    spread = blur(point, 0.1)
    assert spread.sum() == pytest.approx(1)
    assert (spread[2, 2], spread[2, 1], spread[1, 1]) == pytest.approx((0.64, 0.08, 0.01))


def test_distance_to_a_straight_line_is_exact():
    across = np.arange(20, dtype=np.float32) - 7.5
    np.testing.assert_allclose(distance_to_zero(np.tile(3 * across, (20, 1))), np.tile(abs(across), (20, 1)), rtol=1e-5)


def test_smoothstep_stops_at_both_ends():
    np.testing.assert_allclose(smoothstep(np.array([-1, 0, 1, 2, 9], np.float32), 0, 2), [0, 0, 0.5, 1, 1])
