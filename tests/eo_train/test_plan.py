import pytest
import torch

from eo_train.plan import Plan


def test_counts_steps():
    plan = Plan(rows=25, epochs=3, batch_size=8, micro_batches=2)
    assert (plan.steps_per_epoch, plan.steps, plan.micro_batch_size) == (3, 9, 4)


def test_orders_are_permutations_that_differ_by_epoch_and_repeat_by_seed():
    plan = Plan(rows=25, epochs=3, batch_size=8)
    first, second = plan.order(0), plan.order(1)
    assert sorted(first.tolist()) == list(range(25))
    assert not torch.equal(first, second)
    assert torch.equal(first, Plan(rows=25, epochs=9, batch_size=4).order(0))
    assert not torch.equal(first, Plan(rows=25, epochs=3, batch_size=8, seed=1).order(0))


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ({"batch_size": 1}, "batch_size 1 must split into 1 processes x 1 micro-batches of at least 2 images each"),
        ({"batch_size": 9, "world": 2}, "batch_size 9 must split into 2 processes"),
        ({"batch_size": 8, "micro_batches": 8}, "contrast needs another one"),
        ({"batch_size": 32}, "batch_size 32 is more than the 25 images there are; lower it"),
    ],
)
def test_refuses_what_leaves_nothing_to_contrast(numbers, text):
    with pytest.raises(ValueError, match=text):
        Plan(**({"rows": 25, "epochs": 1, "batch_size": 8} | numbers))
