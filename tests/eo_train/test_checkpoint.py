import resource
import signal

import pytest
import torch
from lightning_fabric import Fabric

from eo_train.checkpoint import checkpoints, load_checkpoint, save_checkpoint


@pytest.fixture
def fabric():
    return Fabric(accelerator="cpu", devices=1)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_comes_back_in_place(tmp_path, fabric):
    layer = torch.nn.Linear(3, 2)
    path = save_checkpoint(fabric, tmp_path, {"method": layer, "step": 7})
    other = torch.nn.Linear(3, 2)
    assert load_checkpoint(fabric, path, {"method": other, "step": 0}) == 7
    assert torch.equal(other.weight, layer.weight)


def test_keeps_the_last_two(tmp_path, fabric):
    for step in (9, 10, 100):
        save_checkpoint(fabric, tmp_path, {"step": step})
    assert names(tmp_path) == ["step-00000010.ckpt", "step-00000100.ckpt"]
    assert checkpoints(tmp_path)[-1].name == "step-00000100.ckpt"


def test_a_full_disk_leaves_the_previous_one_whole(tmp_path, fabric):
    small, large = torch.nn.Linear(2, 2), torch.nn.Linear(1000, 1000)
    path = save_checkpoint(fabric, tmp_path, {"method": small, "step": 1})
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(
            OSError, match=r"could not write .*step-00000002.ckpt: .*step-00000001.ckpt is whole; free some"
        ):
            save_checkpoint(fabric, tmp_path, {"method": large, "step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert names(tmp_path) == ["step-00000001.ckpt"]
    assert path.read_bytes() == before


def test_a_damaged_one_is_named_with_the_way_out(tmp_path, fabric):
    path = save_checkpoint(fabric, tmp_path, {"method": torch.nn.Linear(30, 20), "step": 7})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"step-00000007.ckpt cannot be loaded: .*remove it and --resume goes on"):
        load_checkpoint(fabric, path, {"method": torch.nn.Linear(30, 20), "step": 0})
