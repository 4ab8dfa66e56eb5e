"""A packed folder behind a web server that misbehaves."""

import builtins
import errno
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from eo_data import PackedDataset, pack
from eo_data import remote as remote_module
from eo_data import shards as shards_module


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return {"image": torch.full((1, 8, 8), index, dtype=torch.uint8), "id": f"r{index}"}


class Server(SimpleHTTPRequestHandler):
    """Serves a folder; the next files asked for are cut, altered or refused as `trouble` says."""

    asked: list
    trouble: list

    def do_GET(self):
        self.asked.append(self.path.rpartition("/")[2])
        trouble = self.trouble.pop(0) if self.trouble and "safetensors" in self.path else None
        if trouble == "refuse":
            self.send_error(503)
            return
        content = Path(self.translate_path(self.path)).read_bytes() if trouble else b""
        if trouble:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:-30] if trouble == "cut" else content[:-1] + b"?")
            self.close_connection = True
            return
        super().do_GET()

    def log_message(self, *words):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """(address of the packed folder, what was asked for, troubles to come)"""
    monkeypatch.setattr(remote_module.time, "sleep", lambda seconds: None)
    pack(Rows(), tmp_path / "packed", processes=1, shard_bytes=150)
    asked, trouble = [], []
    handler = type("Handler", (Server,), {"asked": asked, "trouble": trouble})
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=tmp_path))
    threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}/packed", asked, trouble
    serving.shutdown()
    serving.server_close()


def test_shards_are_fetched_when_needed_and_kept(server, tmp_path):
    url, asked, _ = server
    for _ in range(2):
        dataset = PackedDataset(url, cache=tmp_path / "cache")
        assert [int(dataset[row]["image"][0, 0, 0]) for row in (0, 1, 4)] == [0, 1, 4]
    assert asked == ["index.json", "00000.safetensors", "00002.safetensors", "index.json"]


def test_workers_share_what_they_fetch(server, tmp_path):
    url, asked, _ = server
    loader = DataLoader(PackedDataset(url, cache=tmp_path / "cache"), num_workers=2, batch_size=1)
    assert [row for batch in loader for row in batch["id"]] == [f"r{row}" for row in range(6)]
    assert sorted(asked) == ["00000.safetensors", "00001.safetensors", "00002.safetensors", "index.json"]


def test_a_connection_that_drops_is_taken_up(server, tmp_path):
    url, asked, trouble = server
    trouble += ["cut", "refuse", "alter"]
    dataset = PackedDataset(url, cache=tmp_path / "cache")
    assert dataset[0]["id"] == "r0"
    assert int(dataset[0]["image"][0, 0, 0]) == 0
    assert asked.count("00000.safetensors") == 4


def test_giving_up_says_why(server, tmp_path):
    url, _, trouble = server
    trouble += ["alter"] * 5
    with pytest.raises(
        ConnectionError, match=r"00000.safetensors could not be read 5 times in a row .its sha256 is .*"
    ):
        PackedDataset(url, cache=tmp_path / "cache")[0]
    assert not list((tmp_path / "cache").glob("*.safetensors"))


def test_what_is_not_there(server, tmp_path):
    url, _, _ = server
    with pytest.raises(FileNotFoundError, match="other/index.json is missing; copy the packed folder there again"):
        PackedDataset(url.replace("packed", "other"), cache=tmp_path / "cache")


def test_a_full_cache(server, tmp_path, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    dataset = PackedDataset(server[0], cache=tmp_path / "cache")
    monkeypatch.setattr(shards_module.os, "fsync", full)
    with pytest.raises(OSError, match="the disk of the cache .* is full; make room, or pass cache="):
        dataset[0]


def test_a_damaged_copy_is_fetched_again(server, tmp_path):
    url, asked, _ = server
    PackedDataset(url, cache=tmp_path / "cache")[0]
    (copy,) = (tmp_path / "cache").glob("*.safetensors")
    copy.write_bytes(b"short")
    assert PackedDataset(url, cache=tmp_path / "cache")[0]["id"] == "r0"
    assert asked.count("00000.safetensors") == 2


def test_buckets_go_through_fsspec(tmp_path):
    import fsspec

    folder, memory = pack(Rows(), tmp_path / "packed", processes=1), fsspec.filesystem("memory")
    memory.put(str(folder), "/bucket/packed", recursive=True)
    dataset = PackedDataset("memory://bucket/packed", cache=tmp_path / "cache")
    assert [sample["id"] for sample in (dataset[0], dataset[5])] == ["r0", "r5"]


def test_without_fsspec_the_extra_is_named(monkeypatch):
    found = builtins.__import__

    def without(name, *arguments, **options):
        if name == "fsspec":
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="reading s3://bucket/x wants the extra eo-data.remote.: pip install"):
        PackedDataset("s3://bucket/x")
