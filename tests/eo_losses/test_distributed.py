"""Every loss that gathers, in 3 gloo processes and in 2 of them, against one process with the whole batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from eo_losses import NTXentLoss, gather

HERE = Path(__file__).parent
LOSSES = [
    "nt_xent",
    "supcon",
    "supcon_first",
    "supcon_inside",
    "supcon_simclr",
    "supcon_skip",
    "supcon_zero",
    "supcon_multi_hot",
    "supcon_mask",
    "supcon_mask_inside",
    "softcon",
    "softcon_symmetric",
    "soft_contrast",
    "soft_contrast_of_all_pairs",
    "info_nce",
    "seco",
    "pairwise_nt_xent",
]


@pytest.fixture(scope="module")
def supcon_golden(golden_input):
    case = next(c for c in json.loads((HERE / "data" / "supcon.json").read_text())["cases"] if "ranks" in c)
    x = golden_input(case["features"]["name"], case["features"]["shape"])
    return (x / x.norm(dim=-1, keepdim=True)).double(), torch.tensor(case["labels"]), case["outputs"]


def run_ranks(folder: Path, *more: str) -> dict:
    """What the three processes of rank.py found."""
    ranks = [
        subprocess.Popen(
            [sys.executable, HERE / "rank.py", str(rank), str(folder), *more],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for rank in range(3)
    ]
    complaints = [process.communicate(timeout=300)[1] for process in ranks]
    assert all(process.returncode == 0 for process in ranks), "\n".join(complaints)
    return json.loads((folder / "found.json").read_text())


@pytest.fixture(scope="module")
def everything_found(tmp_path_factory, supcon_golden) -> dict:
    folder = tmp_path_factory.mktemp("ranks")
    torch.save(supcon_golden[:2], folder / "golden.pt")
    return run_ranks(folder)


@pytest.fixture(params=["3 ranks unlike", "2 ranks alike"])
def found(request, everything_found) -> dict:
    return everything_found[request.param]


def test_every_loss_is_listed(found):
    assert list(found["errors"]) == LOSSES


@pytest.mark.parametrize("loss", LOSSES)
def test_value_and_gradient_are_those_of_one_process(found, loss):
    errors = found["errors"][loss]
    assert errors["size"] > 1e-3  # there is a gradient to compare
    assert errors["value"] < 1e-12
    assert errors["gradient"] < 1e-12


@pytest.mark.slow
def test_ddp_averages_to_the_gradient_of_one_process(tmp_path):
    for errors in run_ranks(tmp_path, "ddp").values():
        assert list(errors) == LOSSES
        assert max(errors.values()) < 1e-12


def test_gather_keeps_rows_of_any_type_in_rank_order(found):
    assert all(found["gather"].values()), found["gather"]


def test_gather_sums_the_gradients_of_all_ranks(found):
    assert found["half"] == 0


def test_without_gathering_a_rank_sees_its_own_batch(found):
    assert found["local"] > 1e-3


def test_the_queue_is_fed_from_all_ranks(found):
    assert found["queue"] == 0


def test_rows_of_another_width_are_refused(found):
    assert "ranks may differ in their first axis only, got shapes" in found["widths"]


def test_a_mask_must_reach_all_ranks(found):
    assert "mask must be" in found["mask"]
    assert "samples of this process by samples of all in rank order" in found["mask"]


def test_all_ranks_hear_of_an_anchor_without_positive(found):
    assert "have no positive" in found["empty"]


def test_per_rank_losses_of_the_original(everything_found, supcon_golden):
    golden, losses = supcon_golden[2], everything_found["per_rank_loss"]
    assert losses == pytest.approx(golden["per_rank_loss"], rel=1e-9)
    assert sum(losses) / 2 == pytest.approx(golden["loss"], rel=1e-9)


def test_functions_do_not_gather(everything_found):
    assert everything_found["function"] != pytest.approx(everything_found["per_rank_loss"][0], rel=1e-3)


def test_without_a_process_group_gather_gives_the_tensor_itself(randn):
    x = randn(3, 2)
    assert gather(x) is x
    assert NTXentLoss()(x, x).isfinite()
