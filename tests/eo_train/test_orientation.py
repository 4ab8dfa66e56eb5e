import pytest
import torch

from eo_train.orientation import TURNS, turn


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("names", [("hflip",), ("vflip",), ("rot90",), ("hflip", "rot90")])
def test_images_and_masks_turn_together(names):
    mask = torch.arange(8 * 36).view(8, 6, 6)
    images = torch.stack([mask, mask + 1000], dim=1)[:, None].expand(8, 2, 2, 6, 6).float()  # two dates, two bands
    turned, target = turn(images, mask, names, generator())
    assert torch.equal(turned[:, 1, 0], target.float())
    assert torch.equal(turned[:, 0, 1], target.float() + 1000)
    assert not torch.equal(target, mask)
    assert torch.equal(target.flatten(1).sort(1).values, mask.flatten(1))


def test_every_way_is_taken_by_some_and_the_same_seed_draws_the_same():
    images = torch.randn(200, 1, 4, 4)
    label = torch.zeros(200, dtype=torch.int64)
    for name, ways in TURNS.items():
        turned, same = turn(images, label, [name], generator(1))
        assert same is label
        for way in ways:
            share = (turned == way(images)).flatten(1).all(1).float().mean()
            assert abs(share - 1 / len(ways)) < 0.12
        assert torch.equal(turned, turn(images, label, [name], generator(1))[0])


def test_two_sensors_turn_alike():
    images = torch.randn(20, 2, 4, 4)
    turned, _ = turn({"s1": images, "s2": images[:, :1]}, torch.zeros(20), ["rot90"], generator())
    assert torch.equal(turned["s1"][:, :1], turned["s2"])


def test_nothing_asked_nothing_done():
    images, target = torch.randn(2, 1, 4, 4), torch.zeros(2, 4, 4)
    assert turn(images, target, (), generator()) == (images, target)
