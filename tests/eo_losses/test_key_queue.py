import pytest
import torch

from eo_losses import KeyQueue, info_nce


def rows(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None].expand(-1, 2)


def test_starts_with_random_unit_vectors():
    queue = KeyQueue(50, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(50))
    again = KeyQueue(50, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(queue.keys, again.keys)


def test_the_newest_keys_take_the_place_of_the_oldest():
    queue = KeyQueue(5, 2)
    for batch in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0, 7.0]):
        queue.push(rows(*batch))
    assert queue.keys[:, 0].tolist() == [6, 7, 3, 4, 5]
    assert int(queue.pointer) == 2


def test_a_batch_longer_than_the_queue_leaves_its_end():
    queue = KeyQueue(3, 2)
    queue.push(rows(0.0))
    queue.push(rows(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0))
    assert sorted(queue.keys[:, 0].tolist()) == [5, 6, 7]
    queue.push(rows(8.0))
    assert sorted(queue.keys[:, 0].tolist()) == [6, 7, 8]


def test_keys_are_detached_and_cast():
    queue = KeyQueue(4, 2)
    queue.push(torch.ones(2, 2, dtype=torch.float64, requires_grad=True))
    assert queue.keys.dtype == torch.float32
    assert not queue.keys.requires_grad


def test_a_loss_of_the_old_keys_still_goes_backward_after_a_push():
    queue, query = KeyQueue(6, 4), torch.randn(3, 4, requires_grad=True)
    loss = info_nce(query, query.detach(), queue.keys)
    queue.push(query)
    loss.backward()
    assert query.grad is not None


def test_goes_through_a_checkpoint():
    queue, other = KeyQueue(5, 2), KeyQueue(5, 2)
    queue.push(rows(1.0, 2.0))
    other.load_state_dict(queue.state_dict())
    other.push(rows(3.0))
    queue.push(rows(3.0))
    assert torch.equal(queue.keys, other.keys)
    assert list(queue.state_dict()) == ["keys", "pointer"]
    assert queue.double().keys.dtype == torch.float64
    assert repr(queue) == "KeyQueue(size=5, dim=2, gather=True)"


@pytest.mark.parametrize("keys", [torch.ones(3, 4), torch.ones(2)])
def test_keys_of_another_width_are_refused(keys):
    with pytest.raises(
        ValueError, match=r"keys must be \(B, 2\), as wide as the queue, got \(.*make it with KeyQueue\(5, "
    ):
        KeyQueue(5, 2).push(keys)


def test_keys_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="keys must be finite, got NaN or infinity in 1 of 2 rows, first in row 1"):
        KeyQueue(5, 2).push(rows(1.0, torch.nan))


@pytest.mark.parametrize(("size", "dim"), [(0, 4), (4, 0)])
def test_a_queue_of_nothing_is_refused(size, dim):
    with pytest.raises(ValueError, match=f"a queue needs size and dim of at least 1, got size={size} and dim={dim}"):
        KeyQueue(size, dim)
