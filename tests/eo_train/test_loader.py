import dataclasses

import pytest
import torch

from eo_train.loader import StepSampler, build_loader, collate, count_rows, message_of
from eo_train.plan import Plan

PLAN = Plan(rows=25, epochs=2, batch_size=8, micro_batches=2, seed=3)


def test_each_epoch_gives_each_row_once_but_those_left_over():
    batches = list(StepSampler(PLAN))
    assert len(batches) == len(StepSampler(PLAN)) == 12
    assert {len(batch) for batch in batches} == {4}
    for epoch in range(2):
        rows = [row for batch in batches[6 * epoch : 6 * (epoch + 1)] for row in batch]
        assert rows == PLAN.order(epoch)[:24].tolist()


@pytest.mark.parametrize("first", [0, 1, 3, 4, 5])
def test_going_on_from_a_step_gives_the_rest_of_the_same_order(first):
    assert list(StepSampler(PLAN, first=first)) == list(StepSampler(PLAN))[2 * first :]


def test_processes_share_a_step_without_overlap():
    plan = Plan(rows=25, epochs=1, batch_size=8, seed=3)
    ranks = [list(StepSampler(dataclasses.replace(plan, rank=rank, world=2))) for rank in range(2)]
    for step, parts in enumerate(zip(*ranks, strict=True)):
        together = sorted(row for part in parts for row in part)
        assert together == sorted(plan.order(0)[8 * step : 8 * (step + 1)].tolist())


@pytest.mark.parametrize("num_workers", [0, 2])
def test_workers_keep_the_order(tiny_earth, num_workers):
    plan = Plan(rows=len(tiny_earth), epochs=1, batch_size=8)
    loader = build_loader(tiny_earth, StepSampler(plan), num_workers=num_workers)
    ids = [name for batch in loader for name in batch["id"]]
    assert ids == [f"place-{row}" for row in plan.order(0)]


def test_the_loader_leaves_the_global_generator_alone(tiny_earth):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    next(iter(build_loader(tiny_earth, StepSampler(Plan(rows=24, epochs=1, batch_size=8)), num_workers=1)))
    assert torch.equal(torch.get_rng_state(), before)


def test_collate_keeps_what_methods_use():
    sample = {"image": torch.zeros(3, 4, 4, dtype=torch.uint16), "crs": object(), "id": "a"}
    batch = collate([sample, sample])
    assert set(batch) == {"image", "id"}
    assert batch["image"].shape == (2, 3, 4, 4)
    assert batch["image"].dtype == torch.uint16


def test_other_samples_are_refused():
    with pytest.raises(
        ValueError, match="a data set gives dicts with an `image`, or `s1` and `s2`, got a dict of pixels, label"
    ):
        collate([{"pixels": 1, "label": 2}])
    with pytest.raises(ValueError, match="got a tuple|got tuple"):
        collate([(1, 2)])


def test_a_data_set_without_length_is_refused():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            yield {}

    with pytest.raises(ValueError, match="Stream has no length; wrap it"):
        count_rows(Stream())


class Torn(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, row):
        raise ValueError(f"image {row} is truncated;\nfetch it again")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_what_a_reader_says_is_told_without_its_traceback(num_workers):
    plan = Plan(rows=16, epochs=1, batch_size=8)
    with pytest.raises(ValueError, match="is truncated") as caught:
        next(iter(build_loader(Torn(), StepSampler(plan), num_workers=num_workers)))
    row = plan.order(0)[0]
    assert message_of(caught.value) == f"image {row} is truncated;\nfetch it again"
