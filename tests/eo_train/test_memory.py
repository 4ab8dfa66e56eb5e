import pytest
import torch

from eo_train import pretrain
from eo_train.memory import InMemory


@pytest.mark.parametrize("num_workers", [0, 2])
def test_every_sample_is_as_it_was(tiny_earth, num_workers):
    kept = InMemory(tiny_earth, num_workers=num_workers)
    assert len(kept) == len(tiny_earth)
    for row in range(len(tiny_earth)):
        assert torch.equal(kept[row]["image"], tiny_earth[row]["image"])
        assert (int(kept[row]["label"]), kept[row]["id"]) == (tiny_earth[row]["label"], tiny_earth[row]["id"])


def test_reads_once_whatever_the_number_of_epochs(tiny_config, tiny_earth):
    class Counts(type(tiny_earth)):
        read = 0

        def __getitem__(self, row):
            self.read += 1
            return super().__getitem__(row)

    counts = Counts()
    pretrain(tiny_config(in_memory=True, epochs=3), counts)
    assert counts.read == len(counts)


def test_memory_and_files_give_the_same_weights(tiny_config, tiny_earth, tmp_path):
    runs = [
        pretrain(tiny_config(output=str(tmp_path / str(kept)), in_memory=kept), tiny_earth) for kept in (False, True)
    ]
    first, second = ((run / "backbone.safetensors").read_bytes() for run in runs)
    assert first == second
