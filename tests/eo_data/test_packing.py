"""Writing packed folders: whole, by several processes, and what goes wrong on the way."""

import errno
import json
import os
from dataclasses import asdict

import numpy as np
import pytest
import torch

from eo_data import SSL4EOS12, EuroSAT, GeoTIFFFolder, PackedDataset, pack, verify_packed
from eo_data import packing as packing_module
from eo_data import shards as shards_module


class Toy(torch.utils.data.Dataset):
    """Samples of many kinds: sizes that differ, plain values, arrays, tensors that share memory."""

    bands, sensor, units, normalization = ("VV", "VH"), "sentinel1-grd", ("db", "db"), ({"op": "floor"},)

    def __init__(self, count=10):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        line = torch.arange(100, dtype=torch.float32) + index
        return {
            "image": line[: 2 * 4 * (3 + index % 2)].view(2, 4, 3 + index % 2).transpose(1, 2),
            "same": line[:5],
            "nan": torch.tensor([torch.nan, -0.0]),
            "half": line[:3].to(torch.bfloat16),
            "array": np.arange(3, dtype=np.uint16),
            "flags": torch.tensor([True, False]),
            "none": torch.empty(0),
            "label": index % 3,
            "place": "Tromsø",
            "t": None,
            "share": 0.1,
        }


class Dying(Toy):
    """Ends the process that reads row 6, once."""

    def __init__(self, flag):
        super().__init__()
        self.flag = flag

    def __getitem__(self, index):
        if index == 6 and not self.flag.exists():
            self.flag.touch()
            os._exit(9)
        return super().__getitem__(index)


def same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        if isinstance(value, torch.Tensor | np.ndarray):
            value = torch.as_tensor(value)
            assert (b[key].dtype, b[key].shape) == (value.dtype, value.shape)
            assert torch.equal(b[key].flatten().view(torch.uint8), value.flatten().view(torch.uint8)), key
        else:
            assert b[key] == value
            assert type(b[key]) is type(value)


@pytest.mark.parametrize("processes", [1, 2])
def test_any_data_set_of_dicts_comes_back_bit_by_bit(tmp_path, processes):
    source = Toy()
    assert pack(source, tmp_path / "packed", processes=processes, shard_bytes=1000) == tmp_path / "packed"
    assert len(list((tmp_path / "packed").glob("*.safetensors"))) > 1
    packed = PackedDataset(tmp_path / "packed")
    assert len(packed) == 10
    for index in range(-1, 10):
        same(source[range(10)[index]], packed[index])
    with pytest.raises(IndexError):
        packed[10]
    verify_packed(tmp_path / "packed", source, processes=processes)


def test_it_tells_what_the_source_told(tmp_path, eurosat_ms, ssl4eo):
    two = SSL4EOS12(ssl4eo, product=("s1", "s2c"), resolution="native")
    for number, source in enumerate((EuroSAT(eurosat_ms, "val", images="ms"), two, Toy())):
        packed = PackedDataset(pack(source, tmp_path / str(number), processes=1))
        assert (packed.bands, packed.sensor, packed.units) == (source.bands, source.sensor, source.units)
        assert packed.normalization == (source.normalization and list(source.normalization))
        assert packed.classes == getattr(source, "classes", None)
        if number < 2:
            assert (packed.parts, packed.split, packed.ids) == (source.parts, source.split, tuple(source.ids))
            assert packed.split_id == source.split_id
            same(source[1], packed[1])


def test_bands_can_be_told(tmp_path):
    class Silent(torch.utils.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return {"image": torch.zeros(1, 2, 2, dtype=torch.uint8)}

    pack(Silent(), tmp_path / "a", bands=["R"], sensor="aerial", units=["uint8"], processes=1)
    packed = PackedDataset(tmp_path / "a")
    assert (packed.bands, packed.sensor, packed.units) == (("R",), "aerial", ("uint8",))
    assert packed.ids == ("0", "1")
    pack(Silent(), tmp_path / "b", processes=1)
    assert PackedDataset(tmp_path / "b").bands == ()


def test_what_a_shard_cannot_hold_is_named(tmp_path):
    class Odd(Toy):
        def __getitem__(self, index):
            return {"id": f"n{index}", "image": torch.zeros(1), "crs": object()}

    with pytest.raises(ValueError, match="sample 'n0' holds 'crs' of type object, and a shard can hold tensors, texts"):
        pack(Odd(), tmp_path / "packed", processes=1)
    with pytest.raises(ValueError, match="Toy is empty: there is nothing to pack"):
        pack(Toy(0), tmp_path / "packed", processes=1)


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ValueError, match="holds files that are not a packed data set; name a new or an empty folder"):
        pack(Toy(), tmp_path, processes=1)
    pack(Toy(4), tmp_path / "packed", processes=1)
    with pytest.raises(ValueError, match="holds another packed data set, whose rows 4 and not 5; delete it or name"):
        pack(Toy(5), tmp_path / "packed", processes=1)


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    wrote = []

    def fsync(number):
        wrote.append(number)
        if len(wrote) == 5:  # the journal, three shards
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shards_module.os, "fsync", fsync)
    with pytest.raises(OSError, match="is full with 3 of 10 shards written; make room and run it again") as caught:
        pack(Toy(), tmp_path / "packed", processes=1, shard_bytes=1)
    assert caught.value.errno == errno.ENOSPC
    assert not list((tmp_path / "packed").glob("*.part"))
    with pytest.raises(FileNotFoundError, match="no packed data set in root=.*or run that again if it was interrupted"):
        PackedDataset(tmp_path / "packed")
    before = (tmp_path / "packed" / "00002.safetensors").stat().st_mtime_ns
    pack(Toy(), tmp_path / "packed", processes=1, shard_bytes=1)
    assert (tmp_path / "packed" / "00002.safetensors").stat().st_mtime_ns == before
    verify_packed(tmp_path / "packed", Toy(), processes=1)


def test_a_process_that_dies_is_reported_and_packing_goes_on(tmp_path):
    source, folder = Dying(tmp_path / "flag"), tmp_path / "packed"
    with pytest.raises(RuntimeError, match=r"a packing process died, .* of 10 shards in .*run it again to go on"):
        pack(source, folder, processes=2, shard_bytes=1)
    pack(source, folder, processes=2, shard_bytes=1)
    verify_packed(folder, Toy(), processes=1)


def test_a_killed_packing_goes_on_from_its_journal(tmp_path, monkeypatch):
    folder = tmp_path / "packed"
    monkeypatch.setattr(packing_module.Index, "write", lambda self, folder: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        pack(Toy(), folder, processes=1, shard_bytes=1)
    monkeypatch.undo()
    journal = folder / packing_module.JOURNAL
    journal.write_text(journal.read_text()[:-40])  # killed in the middle of the last line
    read, get = [], Toy.__getitem__
    monkeypatch.setattr(Toy, "__getitem__", lambda self, index: read.append(index) or get(self, index))
    pack(Toy(), folder, processes=1, shard_bytes=1)
    assert read == [0, 9]  # the size of a row, and the one row whose line was broken
    assert not journal.exists()
    verify_packed(folder, Toy(), processes=1)


def test_a_missing_or_shortened_shard_is_written_again(tmp_path):
    folder = pack(Toy(), tmp_path / "packed", processes=1, shard_bytes=1)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "00001.safetensors").unlink()
    (folder / "00004.safetensors").write_bytes(b"short")
    pack(Toy(), folder, processes=1, shard_bytes=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_verify_names_what_is_wrong(tmp_path):
    source, folder = Toy(), pack(Toy(), tmp_path / "packed", processes=1, shard_bytes=1)
    path = folder / "00003.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"00003.safetensors is truncated or altered: its sha256 is .*; delete"):
        verify_packed(folder, processes=2)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="00003.safetensors is missing, which the index lists; delete"):
        verify_packed(folder, processes=1)
    path.write_bytes(content)
    verify_packed(folder, source, processes=1)
    with pytest.raises(ValueError, match="the source has 11 samples, .* holds 10: it changed; pack it again"):
        verify_packed(folder, Toy(11), processes=1)
    (folder / "index.json").unlink()
    with pytest.raises(FileNotFoundError, match="no index.json in .*; packing was not finished: run it again"):
        verify_packed(folder)


def test_verify_sees_a_source_that_changed(tmp_path, eurosat_ms, write_geotiff):
    source = EuroSAT(eurosat_ms, "val", images="ms")
    folder = pack(source, tmp_path / "packed", processes=1)
    pixels = np.broadcast_to(np.arange(100, 1400, 100, np.uint16)[:, None, None], (13, 64, 64)).copy()
    pixels[5, 60, 60] += 1
    write_geotiff(source.folder / "Forest" / "Forest_3.tif", pixels)
    with pytest.raises(ValueError, match="Forest_3 differs from its source in image: the source changed after"):
        verify_packed(folder, source, processes=1)


def test_an_index_of_another_kind_is_refused(tmp_path):
    (tmp_path / "index.json").write_text(json.dumps({"format": "eo-data packed 9"}))
    with pytest.raises(ValueError, match="is not the index of a packed data set .its format is 'eo-data packed 9'"):
        PackedDataset(tmp_path)
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(ValueError, match="is not the index of a packed data set .*; pack again"):
        PackedDataset(tmp_path)


def test_rows_of_one_footprint_are_one_place(tmp_path, write_geotiff):
    for name in "abc":
        write_geotiff(tmp_path / "own" / f"{name}.tif", np.zeros((2, 4, 4), np.uint8))
    source = GeoTIFFFolder(tmp_path / "own", sensor="sentinel1-grd", bands=["VV", "VH"])
    packed = PackedDataset(pack(source, tmp_path / "packed", processes=1))
    assert packed.places.tolist() == [0, 0, 0]
    assert PackedDataset(pack(Toy(3), tmp_path / "toy", processes=1)).places.tolist() == [0, 1, 2]
    told = Toy(3)
    told.places = ["x", "y", "x"]
    assert PackedDataset(pack(told, tmp_path / "told", processes=1)).places.tolist() == [0, 1, 0]
    assert asdict(PackedDataset(tmp_path / "told")._shards[0])["places"] == ["x", "y", "x"]
