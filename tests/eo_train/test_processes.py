"""Two gloo processes against one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("processes")
    script = Path(__file__).parent / "processes.py"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", script, folder]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "found.json").read_text())


def test_keys_are_encoded_among_others_and_come_back_to_their_queries(found):
    for each in found:
        assert each["shuffled"]["in_place"]
        assert each["shuffled"]["foreign"] > 0.8  # 4 of 8 rows are a process's own in 1 of 70 draws
        assert each["shuffled"]["statistics_are_of_a_mixture"]


@pytest.mark.parametrize("name", ["simclr", "simclr_cached", "moco", "seco", "seco_cached"])
def test_a_step_of_two_processes_is_that_of_one_with_the_whole_batch(found, name):
    for each in found:
        assert each[name]["loss"] < 1e-6
        assert each[name]["gradient"] < 1e-6
        assert each[name]["queue"] < 1e-12


def test_bad_pixels_on_one_process_make_the_step_void_on_both(found):
    assert [each["skipped"] for each in found] == [True, True]
