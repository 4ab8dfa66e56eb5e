"""Two gloo processes against one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from eo_train import EngineConfig, read_metrics

pytestmark = pytest.mark.slow


def start(words):
    """Runs a script in two processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *words]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("processes")
    start([Path(__file__).parent / "processes.py", folder])
    return json.loads((folder / "found.json").read_text())


def test_keys_are_encoded_among_others_and_come_back_to_their_queries(found):
    for each in found:
        assert each["shuffled"]["in_place"]
        assert each["shuffled"]["foreign"] > 0.8  # 4 of 8 rows are a process's own in 1 of 70 draws
        assert each["shuffled"]["statistics_are_of_a_mixture"]


@pytest.mark.parametrize(
    "name",
    [
        "simclr",
        "simclr_cached",
        "moco",
        "seco",
        "seco_cached",
        "seco_sharded",
        "simclr_sharded_cached",
    ],
)
def test_a_step_of_two_processes_is_that_of_one_with_the_whole_batch(found, name):
    for each in found:
        assert each[name]["loss"] < 1e-6
        assert each[name]["gradient"] < 1e-6
        assert each[name]["queue"] < 1e-12


@pytest.mark.parametrize("name", ["simclr_half", "seco_sharded_half"])
def test_half_precision_is_that_of_the_networks_alone(found, name):
    for each in found:
        assert each[name]["loss"] < 0.05
        assert each[name]["computed_in"] == ["torch.bfloat16"]


def test_bad_pixels_on_one_process_make_the_step_void_on_both(found):
    assert [each["skipped"] for each in found] == [True, True]


RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
from conftest import TinyEarth, TinyNet
from eo_models.create import ARCHITECTURES
ARCHITECTURES["tiny"] = TinyNet
from eo_train import PretrainConfig, pretrain
pretrain(PretrainConfig.from_dict(json.load(open(sys.argv[2]))), TinyEarth(), resume=True)
"""


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_with_two_workers_each_and_a_queue_resume_with_the_same_bits(strategy, tiny_config, tmp_path):
    engine = EngineConfig(accelerator="cpu", devices=2, strategy=strategy, precision="32-true", num_workers=2)
    config = tiny_config(method={"name": "moco", "queue": 20, "out": 8}, engine=engine, model="tiny")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    (tmp_path / "run.py").write_text(RUN)
    words = [tmp_path / "run.py", Path(__file__).parent, tmp_path / "config.json"]

    def run():
        start([*words])
        return load_file(Path(config.output) / "backbone.safetensors")

    whole, checkpoints = run(), Path(config.output) / "checkpoints"
    assert [path.name for path in sorted(checkpoints.iterdir())] == ["step-00000004.ckpt", "step-00000006.ckpt"]
    (checkpoints / "step-00000006.ckpt").unlink()
    again = run()
    assert whole["0.weight"].shape == (16, 3, 5, 5), "whole, not a share"
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert [int(row["step"]) for row in read_metrics(Path(config.output))] == [1, 2, 3, 4, 5, 6]
