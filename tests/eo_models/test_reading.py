import pickle
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from eo_models.reading import read_tensors

TENSORS = {"a.weight": torch.arange(3.0), "b": torch.ones(2)}


@pytest.mark.parametrize(
    "saved",
    [
        TENSORS,
        {"state_dict": TENSORS, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}}},
        {"model_weights": TENSORS, "val_stats": {"loss": np.float64(0.5), "n": np.int64(3)}, "epochs": 4},
        {f"module.{key}": value for key, value in TENSORS.items()},
    ],
    ids=["flat", "state_dict", "model_weights", "DataParallel"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_takes_the_tensors_out_of_what_scripts_put_around_them(tmp_path, saved, zipped):
    torch.save(saved, tmp_path / "file.pth", _use_new_zipfile_serialization=zipped)
    found = read_tensors(tmp_path / "file.pth")
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], value) for key, value in TENSORS.items())


class Runs:
    def __reduce__(self):
        return print, ("this must never print",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path, capsys):
    torch.save({"weight": Runs()}, tmp_path / "evil.pth")
    (tmp_path / "bare.pkl").write_bytes(pickle.dumps(Runs()))
    with pytest.raises(
        ValueError, match=r"evil.pth is refused: unpickling it would call print; only tensors and plain"
    ):
        read_tensors(tmp_path / "evil.pth")
    with pytest.raises(ValueError, match=r"bare.pkl is refused: unpickling it would run code; only tensors and plain"):
        read_tensors(tmp_path / "bare.pkl")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors"])
def test_a_truncated_file_is_named(tmp_path, name):
    file = tmp_path / name
    save_file(TENSORS, file) if name.endswith("safetensors") else torch.save(TENSORS, file)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match=rf"{name} is no whole weights file .* fetch it again"):
        read_tensors(file)


@pytest.mark.parametrize(
    ("saved", "text"),
    [
        (
            {"epoch": 3, "net": TENSORS},
            "holds a dict of epoch, net; wanted names to tensors, bare or under state_dict or",
        ),
        (torch.zeros(3), "holds Tensor; wanted names to tensors"),
        ({}, "wanted names to tensors"),
    ],
)
def test_a_file_without_weights_says_what_it_holds(tmp_path, saved, text):
    torch.save(saved, tmp_path / "odd.pth")
    with pytest.raises(ValueError, match=re.escape(text)):
        read_tensors(tmp_path / "odd.pth")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no weights file at .*gone.pth"):
        read_tensors(tmp_path / "gone.pth")
