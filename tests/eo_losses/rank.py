"""One process of a gloo group: takes every loss of its part of a batch and of the whole batch, and compares.

Run as `python rank.py RANK SIZES FOLDER [ddp]`, SIZES such as 2,4,3 being the batch of every rank. Rank 0 writes what
it found to FOLDER/found.json; with `ddp` that is the gradient under DistributedDataParallel, which is slow to import.
The tests start it; see test_distributed.py.
"""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from eo_losses import (
    InfoNCELoss,
    KeyQueue,
    NTXentLoss,
    PairwiseNTXentLoss,
    SeCoLoss,
    SoftConLoss,
    SoftContrastLoss,
    SupConLoss,
    gather,
    label_similarity,
    supcon,
)

RANK, SIZES, FOLDER = int(sys.argv[1]), [int(s) for s in sys.argv[2].split(",")], Path(sys.argv[3])
N, D, K = sum(SIZES), 6, 4
OWN = slice(sum(SIZES[:RANK]), sum(SIZES[: RANK + 1]))
EVERYTHING = slice(0, N)

torch.set_num_threads(1)
torch.manual_seed(0)
X = torch.randn(3, N, D, dtype=torch.float64)
IDS = torch.arange(N) % 3
IDS[-1] = 7  # an anchor without a positive where it has one view
Y1, Y2 = (torch.rand(2, N, K) < 0.5).long()
Y1[1] = Y2[2] = Y1[-1] = 0
MASK, TARGETS = torch.rand(2, N, N, dtype=torch.float64)
VALID = torch.rand(N, N) < 0.7
QUEUE = torch.randn(3, 5, D, dtype=torch.float64)
FLAGS = torch.arange(3 * N).view(3, N) % 5 == 0

Case = Callable[[Callable, nn.Module, slice], Tensor]
CASES: dict[str, tuple[type, dict, Case]] = {
    "nt_xent": (NTXentLoss, {}, lambda f, loss, own: loss(f(X[0, own]), f(X[1, own]))),
    "supcon": (SupConLoss, {}, lambda f, loss, own: loss(f(X[:, own]).transpose(0, 1), IDS[own])),
    "supcon_first": (
        SupConLoss,
        {"anchors": "first"},
        lambda f, loss, own: loss(f(X[:, own]).transpose(0, 1), IDS[own]),
    ),
    "supcon_inside": (
        SupConLoss,
        {"summation": "inside", "base_temperature": 0.1},
        lambda f, loss, own: loss(f(X[:, own]).transpose(0, 1), IDS[own]),
    ),
    "supcon_simclr": (SupConLoss, {}, lambda f, loss, own: loss(f(X[:, own]).transpose(0, 1))),
    "supcon_skip": (SupConLoss, {"empty": "skip"}, lambda f, loss, own: loss(f(X[0, own])[:, None], IDS[own])),
    "supcon_zero": (SupConLoss, {"empty": "zero"}, lambda f, loss, own: loss(f(X[0, own])[:, None], IDS[own])),
    "supcon_multi_hot": (
        SupConLoss,
        {"kind": "jaccard"},
        lambda f, loss, own: loss(f(X[:2, own]).transpose(0, 1), Y1[own]),
    ),
    "supcon_mask": (SupConLoss, {}, lambda f, loss, own: loss(f(X[:2, own]).transpose(0, 1), mask=MASK[own])),
    "supcon_mask_inside": (
        SupConLoss,
        {"summation": "inside"},
        lambda f, loss, own: loss(f(X[:2, own]).transpose(0, 1), mask=MASK[own]),
    ),
    "softcon": (SoftConLoss, {}, lambda f, loss, own: loss(f(X[0, own]), f(X[1, own]), Y1[own], Y2[own])),
    "softcon_symmetric": (
        SoftConLoss,
        {"symmetric": True, "kind": "overlap"},
        lambda f, loss, own: loss(f(X[0, own]), f(X[1, own]).detach(), Y1[own]),
    ),
    "soft_contrast": (
        SoftContrastLoss,
        {},
        lambda f, loss, own: loss(f(X[0, own]), f(X[1, own]), TARGETS[own], VALID[own]),
    ),
    "soft_contrast_of_all_pairs": (
        SoftContrastLoss,
        {"normalize": False},
        lambda f, loss, own: loss(f(X[0, own]), f(X[1, own]), label_similarity(Y1, Y2)[own]),
    ),
    "info_nce": (InfoNCELoss, {}, lambda f, loss, own: loss(f(X[0, own]), f(X[1, own]), QUEUE[0])),
    "seco": (SeCoLoss, {}, lambda f, loss, own: loss([f(x) for x in X[:, own]], [list(f(X[:, own]))] * 3, list(QUEUE))),
    "pairwise_nt_xent": (
        PairwiseNTXentLoss,
        {"blocks": 3},
        lambda f, loss, own: loss(f(X[:, own].flatten(0, 1)), FLAGS[:, own].flatten()),
    ),
}


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(D, D), nn.Tanh(), nn.Linear(D, D)).double()


def gradient(f: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in f.parameters()])


def mean_over_ranks(x: Tensor) -> Tensor:
    x = x.detach().clone()
    dist.all_reduce(x)
    return x / len(SIZES)


def errors(kind: type, constants: dict, case: Case) -> dict[str, float]:
    """By how much value and gradient differ from those of one process."""
    alone, shared = network(), network()
    expected = case(alone, kind(**constants, gather=False), EVERYTHING)
    expected.backward()
    value = case(shared, kind(**constants), OWN)
    value.backward()
    return {
        "value": abs(float(mean_over_ranks(value) - expected.detach())),
        "gradient": float((mean_over_ranks(gradient(shared)) - gradient(alone)).abs().max()),
        "size": float(gradient(alone).abs().max()),
    }


def message(call: Callable[[], object]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def queue_difference() -> float:
    """A queue fed by parts against one fed by the whole batch."""
    shared, alone = (KeyQueue(N + 2, D, generator=torch.Generator().manual_seed(0), gather=g) for g in (True, False))
    for x in X:
        shared.push(x[OWN])
        alone.push(x)
    return float((shared.keys - alone.keys).abs().max() + (shared.pointer - alone.pointer).abs())


def main() -> None:
    dist.init_process_group(
        "gloo", f"file://{FOLDER}/meet", rank=RANK, world_size=len(SIZES), timeout=timedelta(seconds=120)
    )
    found = under_ddp() if sys.argv[4:] == ["ddp"] else in_plain_processes()
    if RANK == 0:
        (FOLDER / "found.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


def under_ddp() -> dict:
    from torch.nn.parallel import DistributedDataParallel

    found = {}
    for name, (kind, constants, case) in CASES.items():
        wrapped, alone = DistributedDataParallel(network()), network()
        case(wrapped, kind(**constants), OWN).backward()
        case(alone, kind(**constants, gather=False), EVERYTHING).backward()
        found[name] = float((gradient(wrapped.module) - gradient(alone)).abs().max())
    return found


def in_plain_processes() -> dict:
    found: dict = {"errors": {name: errors(*case) for name, case in CASES.items()}}
    found["gather"] = {
        str(dtype): bool((gather(X[0, OWN].to(dtype)) == X[0].to(dtype)).all())
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool)
    }
    half = X[0, OWN].bfloat16().requires_grad_()
    gather(half).sum().backward()
    found["half"] = float((half.grad - len(SIZES)).abs().max())
    found["local"] = float(
        (NTXentLoss(gather=False)(X[0, OWN], X[1, OWN]) - CASES["nt_xent"][2](lambda x: x, NTXentLoss(), OWN)).abs()
    )
    found["queue"] = queue_difference()
    found["widths"] = message(lambda: gather(X[0, OWN, : D - RANK]))
    found["mask"] = message(lambda: SupConLoss()(X[:, OWN].transpose(0, 1), mask=MASK[OWN, OWN]))
    found["empty"] = message(lambda: SupConLoss(empty="raise")(X[0, OWN][:, None], IDS[OWN]))
    if (FOLDER / "golden.pt").exists():
        features, labels = torch.load(FOLDER / "golden.pt")
        loss = SupConLoss(normalize=False)(features[OWN], labels[OWN])
        found["per_rank_loss"] = gather(loss[None]).tolist()
        found["functions_do_not_gather"] = float(supcon(features[OWN], labels[OWN], normalize=False))
    return found


main()
