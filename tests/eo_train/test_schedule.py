import pytest
from hypothesis import given
from hypothesis import strategies as st

from eo_train.schedule import ema_momentum, warmup_cosine


def test_warms_up_linearly_then_falls_by_half_a_cosine():
    rates = [warmup_cosine(step, total=10, warmup=2, peak=1.0, final=0.1) for step in range(10)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[6] == pytest.approx(0.55)  # half way from step 2 to step 10
    assert rates[3:] == sorted(rates[3:], reverse=True)


@given(st.integers(1, 1000), st.integers(0, 100))
def test_stays_between_zero_and_the_peak(total, warmup):
    rates = [warmup_cosine(step, total=total, warmup=warmup, peak=0.3) for step in range(total)]
    assert all(0 <= rate <= 0.3 for rate in rates)


def test_momentum_rises_from_its_base_to_one():
    assert ema_momentum(0.0, base=0.99) == pytest.approx(0.99)
    assert ema_momentum(0.5, base=0.99) == pytest.approx(0.995)
    assert ema_momentum(1.0, base=0.99) == 1.0
