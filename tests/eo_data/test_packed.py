"""Reading packed folders: windows, seasons, epochs, what is broken, workers."""

import os
import pickle

import pytest
import torch
from torch.utils.data import DataLoader

from eo_data import SSL4EOS12, SSL4EOS12ML, EpochBatches, PackedDataset, pack


@pytest.fixture(scope="module")
def packed(tmp_path_factory, ssl4eo_made_once):
    """Three places, four seasons, native resolution (24, 12 and 4 px), one place to a shard."""
    source = SSL4EOS12(ssl4eo_made_once, resolution="native")
    return pack(source, tmp_path_factory.mktemp("packed") / "native", processes=1, shard_bytes=1)


@pytest.fixture
def ramps(tmp_path):
    """Forty rows whose pixels say where they lie: 1000 season + 24 row + column of the finest grid."""

    class Ramps(torch.utils.data.Dataset):
        def __len__(self):
            return 40

        def __getitem__(self, index):
            fine = torch.arange(24 * 24, dtype=torch.int32).view(24, 24)
            seasons = torch.arange(4, dtype=torch.int32).view(4, 1, 1, 1) * 1000
            return {
                "image_10m": seasons + fine,
                "image_60m": seasons + fine[::6, ::6],
                "mask": fine.long(),
                "label": torch.arange(4.0).view(4, 1) * torch.ones(9),
                "labelled": torch.tensor([True, False, True, True]),
                "bounds": torch.tensor([1000.0, 5000.0, 1240.0, 5240.0], dtype=torch.float64),
                "id": f"r{index}",
            }

    return pack(Ramps(), tmp_path / "ramps", processes=1, shard_bytes=200_000)


def test_a_window_is_the_same_ground_in_every_grid(ramps):
    dataset = PackedDataset(ramps, crop=12)
    starts = set()
    for row in range(40):
        sample = dataset[row]
        assert sample["image_10m"].shape == (4, 1, 12, 12)
        assert sample["image_60m"].shape == (4, 1, 2, 2)
        corner = int(sample["mask"][0, 0])
        assert sample["image_10m"][0, 0].equal(sample["mask"].int())
        assert sample["image_60m"][0, 0].tolist() == [[corner, corner + 6], [corner + 144, corner + 150]]
        top, left = divmod(corner, 24)
        west, south, east, north = sample["bounds"].tolist()
        assert (west, north) == (1000 + 10 * left, 5240 - 10 * top)
        assert (east - west, north - south) == (120, 120)
        starts.add((top, left))
    assert starts == {(top, left) for top in (0, 6, 12) for left in (0, 6, 12)}


def test_seasons_carry_their_labels_in_order_of_time(ramps):
    dataset, seen = PackedDataset(ramps, seasons=2), set()
    for row in range(40):
        sample = dataset[row]
        seasons = tuple((sample["image_10m"][:, 0, 0, 0] // 1000).tolist())
        assert seasons == tuple(sorted(seasons))
        assert sample["label"][:, 0].tolist() == list(seasons)
        assert sample["labelled"].tolist() == [season != 1 for season in seasons]
        assert (sample["image_60m"][:, 0, 0, 0] // 1000).tolist() == list(seasons)
        seen.add(seasons)
    assert seen == {(a, b) for a in range(4) for b in range(a + 1, 4)}


def test_a_draw_is_a_function_of_seed_epoch_and_row(ramps):
    def corner(dataset, index):
        return int(dataset[index]["mask"][0, 0])

    first, again, other = (PackedDataset(ramps, crop=12, seed=seed) for seed in (0, 0, 1))
    assert [corner(first, row) for row in range(40)] == [corner(again, (row, 0)) for row in range(40)]
    assert [corner(first, row) for row in range(40)] != [corner(other, row) for row in range(40)]
    assert len({corner(first, (3, epoch)) for epoch in range(40)}) == 9
    central = PackedDataset(ramps, crop=12, seasons=1, seed=None)
    assert not central.draws
    assert {corner(central, (row, row)) for row in range(40)} == {6 * 24 + 6}
    assert central[0]["image_10m"].shape == (1, 1, 12, 12)
    assert int(central[0]["image_10m"][0, 0, 0, 0]) == 6 * 24 + 6


def test_windows_and_seasons_that_do_not_fit(ramps, packed):
    spans = "the image has 24 x 24 pixels, and a pixel of its coarsest grid spans 6; take 6 or 12"
    with pytest.raises(ValueError, match=f"sample r0: crop=10 does not fit: {spans}"):
        PackedDataset(ramps, crop=10)[0]
    with pytest.raises(ValueError, match="crop=36 does not fit: the image has 24 x 24 pixels, .*; leave crop out"):
        PackedDataset(packed, crop=36)[0]
    with pytest.raises(ValueError, match="sample 0000002: seasons=5 wants at least as many in every image, found 4"):
        PackedDataset(packed, seasons=5)[1]
    with pytest.raises(ValueError, match="crop must be at least 1, or None, got 0"):
        PackedDataset(packed, crop=0)


def test_native_seasons_of_a_real_layout(packed, ssl4eo):
    whole, part = SSL4EOS12(ssl4eo, resolution="native"), PackedDataset(packed, crop=12, seasons=3, seed=None)
    for row in range(3):
        for key, size in {"image_10m": 12, "image_20m": 6, "image_60m": 2}.items():
            start = {"image_10m": 6, "image_20m": 3, "image_60m": 1}[key]
            window = slice(start, start + size)
            assert torch.equal(part[row][key], whole[row][key][:3, :, window, window])


def test_labels_of_seasons_come_along(tmp_path, ssl4eo, ssl4eo_labels):
    source = SSL4EOS12ML(ssl4eo)
    packed = PackedDataset(pack(source, tmp_path / "ml", processes=1))
    assert packed.classes == source.classes
    assert torch.equal(packed[1]["label"], source[1]["label"])
    assert torch.equal(packed[2]["labelled"], source[2]["labelled"])


def test_a_sample_changed_in_place_does_not_change_the_next(packed):
    dataset = PackedDataset(packed)
    before = dataset[0]["image_10m"].clone()
    dataset[0]["image_10m"][:] = 7
    assert torch.equal(dataset[0]["image_10m"], before)


def test_broken_shards_are_refused(tmp_path, packed):
    def opened(name, change):
        folder = tmp_path / name
        folder.mkdir()
        for path in packed.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        change(folder / "00001.safetensors")
        return PackedDataset(folder)

    with pytest.raises(FileNotFoundError, match="00001.safetensors is missing, which the index lists; .*eo-data pack"):
        opened("missing", lambda path: path.unlink())
    with pytest.raises(ValueError, match=r"00001.safetensors is truncated or altered: it has \d+ bytes, the index"):
        opened("short", lambda path: path.write_bytes(path.read_bytes()[:-10]))

    def flip(path):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)

    with pytest.raises(ValueError, match="altered: the checksum of row 0 .0000002. is wrong; delete that file"):
        opened("flipped", flip)[1]
    scrambled = opened("scrambled", lambda path: path.write_bytes(b"\xff" * path.stat().st_size))
    with pytest.raises(ValueError, match="00001.safetensors is truncated or altered: "):
        scrambled[1]


def test_only_the_window_is_read_once_a_row_is_checked(packed):
    dataset = PackedDataset(packed, crop=12)
    dataset[0]
    assert dataset._checked[0]
    assert not dataset._checked[1]
    dataset._open[0].check = None  # a second check would fail
    dataset[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_and_ranks_share_out_every_row(ramps, workers):
    dataset = PackedDataset(ramps, crop=12, distinct_places=False)
    again = pickle.loads(pickle.dumps(dataset))
    seen, corners = [], {}
    assert len(dataset._shards) < 5
    for rank in range(5):  # more ranks than shards
        batches = EpochBatches(again, 2, seed=3, rank=rank, world=5)
        batches.set_epoch(7)
        loader = DataLoader(again, batch_sampler=batches, num_workers=workers if rank == 0 else 0)
        assert len(loader) == 4
        for batch in loader:
            seen += batch["id"]
            corners |= dict(zip(batch["id"], batch["mask"][:, 0, 0].tolist(), strict=True))
    assert sorted(seen) == sorted(dataset.ids)
    assert corners == {f"r{row}": int(dataset[row, 7]["mask"][0, 0]) for row in range(40)}


def test_a_worker_that_dies_is_an_error(packed):
    def die(sample):
        os._exit(3)

    loader = DataLoader(PackedDataset(packed, transform=die), num_workers=1, batch_size=None)
    with pytest.raises(RuntimeError, match="DataLoader worker .* exited unexpectedly"):
        list(loader)
