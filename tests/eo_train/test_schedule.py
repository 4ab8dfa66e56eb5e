import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eo_train import OptimConfig
from eo_train.plan import Plan
from eo_train.pretrain import learning_rate
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


@pytest.mark.parametrize("epochs", ["200", "1000"])
def test_steps_fall_where_seco_s_do(epochs):
    rule = json.loads((Path(__file__).parent / "data/seco.json").read_text())["pretrain_lr"]
    config = OptimConfig(lr=rule["input"]["initial"], schedule="steps")
    plan = Plan(rows=21, epochs=int(epochs), batch_size=4)
    for epoch, expected in rule["outputs"][epochs].items():
        for step in (5 * int(epoch), 5 * int(epoch) + 4):
            assert learning_rate(step, config=config, plan=plan) == pytest.approx(expected)


def test_a_cosine_longer_than_the_run_is_held_and_then_walked_by_epochs():
    config = OptimConfig(lr=3e-5, hold_epochs=10, cosine_epochs=903, by_epoch=True)
    plan = Plan(rows=8, epochs=201, batch_size=4)
    rate = {epoch: learning_rate(2 * epoch + 1, config=config, plan=plan) for epoch in (0, 10, 100, 200)}
    assert rate[0] == rate[10] == 3e-5
    assert rate[100] == pytest.approx(2.93e-5, abs=5e-8)  # as SSLTransformerRS's code was seen to do
    assert rate[200] == pytest.approx(2.68e-5, abs=5e-8)


def test_a_constant_rate_warms_up_too():
    config = OptimConfig(lr=1.0, schedule="constant", warmup_epochs=1)
    plan = Plan(rows=8, epochs=3, batch_size=2)
    assert [learning_rate(step, config=config, plan=plan) for step in (0, 1, 3, 11)] == [0.25, 0.5, 1.0, 1.0]
