import hashlib

import pytest
import torch
from safetensors.torch import load_file

from eo_data.shards import OpenShard, check_file, check_of, split_sample, write_shard, write_whole


@pytest.fixture
def shard(tmp_path):
    samples = [{"image": torch.full((1, 2, 2), row, dtype=torch.uint16), "id": f"r{row}"} for row in range(3)]
    return write_shard(tmp_path, 7, samples, ["a", "b", "a"])


def test_anyone_can_read_a_shard(shard, tmp_path):
    path = tmp_path / "00007.safetensors"
    held = load_file(path)
    assert sorted(held) == ["0.image", "1.image", "2.image"]
    assert held["2.image"].dtype == torch.uint16
    assert (shard.size, len(shard)) == (path.stat().st_size, 3)
    assert shard.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert shard.values == [{"id": "r0"}, {"id": "r1"}, {"id": "r2"}]


def test_rows_are_views_of_the_file(shard, tmp_path):
    opened = OpenShard(tmp_path / shard.file, shard)
    assert opened.tensors(1)["image"].data_ptr() == opened.tensors(1)["image"].data_ptr()
    opened.check(2)
    check_file(tmp_path / shard.file, shard)


def test_the_check_sees_bits_shapes_types_and_names():
    tensor = torch.arange(6, dtype=torch.int16)
    others = [tensor.view(2, 3), tensor.view(torch.uint16), tensor.flip(0)]
    assert len({check_of({"a": each}) for each in [tensor, *others]} | {check_of({"b": tensor})}) == 5
    assert check_of({"a": tensor, "b": tensor}) == check_of({"b": tensor, "a": tensor})


def test_tensors_get_memory_of_their_own():
    line = torch.arange(10)
    tensors, plain = split_sample({"x": line[2:4], "n": 3})
    assert tensors["x"].untyped_storage().nbytes() == 16
    assert plain == {"n": 3}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("eo_data.shards.os.fsync", lambda number: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "x", b"content")
    assert not list(tmp_path.iterdir())
