"""Packed data in pretraining: the same run as from the files, windows by epoch, places apart, exact resume."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from eo_data import SSL4EOS12ML, PackedDataset, pack, synthetic
from eo_train import EngineConfig, pretrain
from eo_train.loader import StepSampler, build_loader
from eo_train.memory import InMemory
from eo_train.plan import Plan


@pytest.fixture
def packed(tiny_earth, tmp_path):
    """24 images of 40 px in shards of two or three."""
    return pack(tiny_earth, tmp_path / "packed", processes=1, shard_bytes=12_000)


def weights_of(run):
    return load_file(run / "backbone.safetensors")


def test_a_run_from_packed_data_is_the_run_from_the_files(tiny_config, tiny_earth, packed, tmp_path):
    from_files = pretrain(tiny_config(output=str(tmp_path / "files")), tiny_earth)
    data = {"name": "packed", "root": str(packed)}
    from_shards = pretrain(tiny_config(output=str(tmp_path / "shards"), data=data, normalization="auto"))
    in_memory = pretrain(tiny_config(output=str(tmp_path / "memory"), data=data, in_memory=True))
    for run in (from_shards, in_memory):
        assert all(torch.equal(value, weights_of(from_files)[key]) for key, value in weights_of(run).items())


def test_other_windows_every_epoch_and_exact_resume_with_workers(tiny_config, packed, tmp_path):
    engine = EngineConfig(accelerator="cpu", precision="32-true", num_workers=2)
    data = {"name": "packed", "root": str(packed), "crop": 36}
    whole = pretrain(tiny_config(output=str(tmp_path / "whole"), data=data, engine=engine))
    config = tiny_config(output=str(tmp_path / "parts"), data=data, engine=engine)
    shutil.copytree(whole, config.output)
    for path in (tmp_path / "parts" / "checkpoints").iterdir():
        if "4" not in path.name:  # steps 2 and 6 of 6
            path.unlink() if path.is_file() else shutil.rmtree(path)
    assert len(list((tmp_path / "parts" / "checkpoints").iterdir())) == 1
    written = (tmp_path / "parts" / "config.yaml").read_text()
    (tmp_path / "parts" / "config.yaml").write_text(written.replace(str(whole), config.output))
    (tmp_path / "parts" / "backbone.safetensors").unlink()
    again = pretrain(config, resume=True)
    assert all(torch.equal(value, weights_of(whole)[key]) for key, value in weights_of(again).items())


def test_epochs_reach_the_data_set(packed):
    plan, dataset = Plan(rows=24, epochs=2, batch_size=8, seed=5), PackedDataset(packed, crop=20)
    batches = list(build_loader(dataset, StepSampler(plan), num_workers=0))
    for number, batch in enumerate(batches):
        epoch, within = divmod(number, 3)
        rows = dataset.order(epoch, batch_size=8, seed=5)[8 * within : 8 * within + 8].tolist()
        assert batch["id"] == [f"place-{row}" for row in rows]
        assert torch.equal(batch["image"], torch.stack([dataset[row, epoch]["image"] for row in rows]))


def test_rows_of_one_place_are_kept_apart(tiny_earth, tmp_path):
    tiny_earth.places = [row // 2 for row in range(24)]
    dataset = PackedDataset(pack(tiny_earth, tmp_path / "packed", processes=1))
    for part in StepSampler(Plan(rows=24, epochs=3, batch_size=8), dataset=dataset):
        assert len({row // 2 for row in part}) == 8
    with pytest.raises(ValueError, match="a batch of 16 rows wants as many places, the data have 12: lower the batch"):
        list(StepSampler(Plan(rows=24, epochs=1, batch_size=16), dataset=dataset))
    loose = PackedDataset(tmp_path / "packed", distinct_places=False)
    assert len(list(StepSampler(Plan(rows=24, epochs=1, batch_size=16), dataset=loose))) == 1


def test_places_that_cannot_fill_the_plan(tiny_earth, tmp_path):
    tiny_earth.places = [0] * 12 + list(range(12, 24))
    dataset = PackedDataset(pack(tiny_earth, tmp_path / "packed", processes=1))
    expected = "only 4 of 6 batches of 4 can be filled with rows of different places; lower batch_size, or set"
    with pytest.raises(ValueError, match=expected):
        list(StepSampler(Plan(rows=24, epochs=1, batch_size=4), dataset=dataset))


def test_memory_does_not_freeze_windows(packed):
    with pytest.raises(ValueError, match="in_memory reads every sample once, .* leave out data.crop and data.seasons"):
        InMemory(PackedDataset(packed, crop=20))


def test_native_resolution_goes_through_packing_to_a_run(tiny_config, tmp_path):
    root = synthetic.write_ssl4eo_s12_ml(tmp_path / "earth", locations=8, size=48)
    source = SSL4EOS12ML(root, product="s2c", bands=["B02", "B05", "B01"], resolution="native")
    folder = pack(source, tmp_path / "native", processes=1, shard_bytes=20_000)
    data = {"name": "packed", "root": str(folder), "crop": 36, "seasons": 2}
    method = {"name": "softcon", "hidden": 8, "out": 4}
    run = pretrain(tiny_config(data=data, method=method, seasons=2, normalization="data", epochs=1))
    facts = json.loads((run / "backbone.json").read_text())
    assert facts["bands"] == ["B02", "B05", "B01"]
    assert facts["normalization"][0]["mean"].keys() == {"B02", "B05", "B01"}
