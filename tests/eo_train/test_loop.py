import pytest

from eo_train.loop import refuse_nan, seed_draws
from eo_train.plan import Plan


def test_every_draw_of_a_step_is_its_own_and_repeats():
    plan = Plan(rows=8, epochs=1, batch_size=4)
    other = Plan(rows=8, epochs=1, batch_size=4, rank=1, world=2)
    seeds = [seed_draws(*each).initial_seed() for each in ((plan, 0, 0), (plan, 1, 0), (plan, 0, 1), (other, 0, 0))]
    assert len(set(seeds)) == 4
    assert seed_draws(plan, 1, 0).initial_seed() == seeds[1]


def test_a_loss_that_is_no_number_names_the_step_and_the_images():
    refuse_nan(1.5, 3, {})
    with pytest.raises(
        FloatingPointError, match=r"the loss is nan at step 3 \(batch of a, b, ...\); lower the learning rate"
    ):
        refuse_nan(float("nan"), 3, {"id": ["a", "b"]})
