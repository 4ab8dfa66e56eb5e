import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eo_data.batches import EpochBatches, shuffle, spread


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.integers(2, 12), st.integers(0, 99))
def test_no_batch_holds_a_place_twice(counts, batch_size, seed):
    places = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    order = torch.randperm(len(places), generator=seeded(seed))
    feasible = [n for n in range(1, len(places) + 1) if sum(min(c, n) for c in counts) >= n * batch_size]
    if not feasible and max(counts) > 1:
        with pytest.raises(ValueError, match=f"a batch of {batch_size} rows wants as many places, the data have"):
            spread(order, places, batch_size, seeded(seed))
        return
    got = spread(order, places, batch_size, seeded(seed))
    if max(counts) == 1:
        assert got is order
        return
    assert len(got) == max(feasible) * batch_size
    assert len(got.unique()) == len(got)
    for batch in places[got].view(-1, batch_size):
        assert len(batch.unique()) == batch_size


def test_every_row_takes_its_turn():
    places = torch.tensor([0] * 10 + [1, 2, 3])
    seen = {
        row
        for seed in range(60)
        for row in spread(torch.randperm(13, generator=seeded(seed)), places, 2, seeded(seed)).tolist()
    }
    assert seen == set(range(13))


def test_a_window_mixes_few_shards_at_a_time():
    order = shuffle([5, 3, 4, 2], 2, seeded())
    assert sorted(order.tolist()) == list(range(14))
    shard = torch.repeat_interleave(torch.arange(4), torch.tensor([5, 3, 4, 2]))
    first = set(shard[order].tolist()[:5])
    assert len(first) == 2
    assert not torch.equal(shuffle([5, 3, 4, 2], 2, seeded(1)), order)
    assert sorted(shuffle([5, 3, 4, 2], None, seeded()).tolist()) == list(range(14))


class Rows:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def order(self, epoch, *, batch_size, seed):
        return torch.randperm(self.count, generator=seeded(seed + epoch))


def test_ranks_take_disjoint_shares_of_each_batch():
    ranks = [EpochBatches(Rows(23), 3, rank=rank, world=2) for rank in range(2)]
    for rank in ranks:
        rank.set_epoch(5)
    drawn = [list(rank) for rank in ranks]
    assert [len(batches) for batches in drawn] == [len(ranks[0])] * 2 == [3, 3]
    rows = [row for batches in drawn for batch in batches for row, epoch in batch if epoch == 5]
    assert len(set(rows)) == len(rows) == 18
    ranks[0].set_epoch(6)
    assert list(ranks[0]) != drawn[0]


def test_more_than_there_are():
    with pytest.raises(ValueError, match="8 ranks x batch_size 3 are more than the 23 rows; lower batch_size"):
        EpochBatches(Rows(23), 3, rank=0, world=8)
