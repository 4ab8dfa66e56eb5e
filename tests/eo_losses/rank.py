"""One of three gloo processes: takes every loss of its part of a batch and of the whole batch, and compares.

Run as `python rank.py RANK FOLDER [ddp]`. All three share a batch unevenly; then the first two, as a group of their
own, share another one evenly. Rank 0 writes what it found to FOLDER/found.json; with `ddp` that is the gradient under
DistributedDataParallel, which is slow to import. The tests start it; see test_distributed.py.
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

RANK, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
D, K = 6, 4


class Batch:
    """A batch shared by some ranks: `sizes` says how many samples each of them holds."""

    def __init__(self, sizes: list[int], group: dist.ProcessGroup | None = None) -> None:
        self.sizes, self.group = sizes, group
        self.own, self.everything = slice(sum(sizes[:RANK]), sum(sizes[: RANK + 1])), slice(0, sum(sizes))
        n, generator = sum(sizes), torch.Generator().manual_seed(0)
        self.x = torch.randn(3, n, D, dtype=torch.float64, generator=generator)
        self.ids = torch.arange(n) % 3
        self.ids[-1] = 7  # an anchor without a positive where it has one view
        self.y1, self.y2 = (torch.rand(2, n, K, generator=generator) < 0.5).long()
        self.y1[1] = self.y2[2] = self.y1[-1] = 0
        self.mask, self.targets = torch.rand(2, n, n, dtype=torch.float64, generator=generator)
        self.valid = torch.rand(n, n, generator=generator) < 0.7
        self.queue = torch.randn(3, 5, D, dtype=torch.float64, generator=generator)
        self.flags = torch.arange(3 * n).view(3, n) % 5 == 0

    def mean(self, x: Tensor) -> Tensor:
        """Mean over the ranks that share the batch."""
        x = x.detach().clone()
        dist.all_reduce(x, group=self.group)
        return x / len(self.sizes)


Case = Callable[[nn.Module, nn.Module, Batch, slice], Tensor]


def of_views(f: nn.Module, b: Batch, own: slice, views: int = 3) -> Tensor:
    return f(b.x[:views, own]).transpose(0, 1)  # (B, V, D)


def supcon_by_ids(f: nn.Module, loss: nn.Module, b: Batch, own: slice) -> Tensor:
    return loss(of_views(f, b, own), b.ids[own])


def supcon_of_one_view(f: nn.Module, loss: nn.Module, b: Batch, own: slice) -> Tensor:
    return loss(of_views(f, b, own, 1), b.ids[own])


def supcon_by_mask(f: nn.Module, loss: nn.Module, b: Batch, own: slice) -> Tensor:
    return loss(of_views(f, b, own, 2), mask=b.mask[own])


CASES: dict[str, tuple[type, dict, Case]] = {
    "nt_xent": (NTXentLoss, {}, lambda f, loss, b, own: loss(f(b.x[0, own]), f(b.x[1, own]))),
    "supcon": (SupConLoss, {}, supcon_by_ids),
    "supcon_first": (SupConLoss, {"anchors": "first"}, supcon_by_ids),
    "supcon_inside": (SupConLoss, {"summation": "inside", "base_temperature": 0.1}, supcon_by_ids),
    "supcon_simclr": (SupConLoss, {}, lambda f, loss, b, own: loss(of_views(f, b, own))),
    "supcon_skip": (SupConLoss, {"empty": "skip"}, supcon_of_one_view),
    "supcon_zero": (SupConLoss, {"empty": "zero"}, supcon_of_one_view),
    "supcon_multi_hot": (
        SupConLoss,
        {"kind": "jaccard"},
        lambda f, loss, b, own: loss(of_views(f, b, own, 2), b.y1[own]),
    ),
    "supcon_mask": (SupConLoss, {}, supcon_by_mask),
    "supcon_mask_inside": (SupConLoss, {"summation": "inside"}, supcon_by_mask),
    "softcon": (
        SoftConLoss,
        {},
        lambda f, loss, b, own: loss(f(b.x[0, own]), f(b.x[1, own]), b.y1[own], b.y2[own]),
    ),
    "softcon_symmetric": (
        SoftConLoss,
        {"symmetric": True, "kind": "overlap"},
        lambda f, loss, b, own: loss(f(b.x[0, own]), f(b.x[1, own]).detach(), b.y1[own]),
    ),
    "soft_contrast": (
        SoftContrastLoss,
        {},
        lambda f, loss, b, own: loss(f(b.x[0, own]), f(b.x[1, own]), b.targets[own], b.valid[own]),
    ),
    "soft_contrast_of_all_pairs": (
        SoftContrastLoss,
        {"normalize": False},
        lambda f, loss, b, own: loss(f(b.x[0, own]), f(b.x[1, own]), label_similarity(b.y1, b.y2)[own]),
    ),
    "info_nce": (InfoNCELoss, {}, lambda f, loss, b, own: loss(f(b.x[0, own]), f(b.x[1, own]), b.queue[0])),
    "seco": (
        SeCoLoss,
        {},
        lambda f, loss, b, own: loss([f(x) for x in b.x[:, own]], [list(f(b.x[:, own]))] * 3, list(b.queue)),
    ),
    "pairwise_nt_xent": (
        PairwiseNTXentLoss,
        {"blocks": 3},
        lambda f, loss, b, own: loss(f(b.x[:, own].flatten(0, 1)), b.flags[:, own].flatten()),
    ),
}


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(D, D), nn.Tanh(), nn.Linear(D, D)).double()


def gradient(f: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in f.parameters()])


def errors(b: Batch, kind: type, constants: dict, case: Case) -> dict[str, float]:
    """By how much value and gradient differ from those of one process."""
    alone, shared = network(), network()
    expected = case(alone, kind(**constants, gather=False), b, b.everything)
    expected.backward()
    value = case(shared, kind(**constants, group=b.group), b, b.own)
    value.backward()
    return {
        "value": abs(float(b.mean(value) - expected.detach())),
        "gradient": float((b.mean(gradient(shared)) - gradient(alone)).abs().max()),
        "size": float(gradient(alone).abs().max()),
    }


def error_under_ddp(b: Batch, kind: type, constants: dict, case: Case) -> float:
    from torch.nn.parallel import DistributedDataParallel

    wrapped, alone = DistributedDataParallel(network(), process_group=b.group), network()
    case(wrapped, kind(**constants, group=b.group), b, b.own).backward()
    case(alone, kind(**constants, gather=False), b, b.everything).backward()
    return float((gradient(wrapped.module) - gradient(alone)).abs().max())


def message(call: Callable[[], object]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def queue_difference(b: Batch) -> float:
    """A queue fed by parts against one fed by the whole batch."""
    size = sum(b.sizes) + 2
    shared = KeyQueue(size, D, generator=torch.Generator().manual_seed(0), group=b.group)
    alone = KeyQueue(size, D, generator=torch.Generator().manual_seed(0), gather=False)
    for x in b.x:
        shared.push(x[b.own])
        alone.push(x)
    return float((shared.keys - alone.keys).abs().max() + (shared.pointer - alone.pointer).abs())


def findings(b: Batch) -> dict:
    x, group = b.x[0, b.own], b.group
    half = x.bfloat16().requires_grad_()
    gather(half, group=group).sum().backward()
    local, shared = (NTXentLoss(gather=g, group=group)(x, b.x[1, b.own]) for g in (False, True))
    return {
        "errors": {name: errors(b, *case) for name, case in CASES.items()},
        "gather": {
            str(dtype): bool((gather(x.to(dtype), group=group) == b.x[0].to(dtype)).all())
            for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool)
        },
        "half": float((half.grad - len(b.sizes)).abs().max()),
        "local": float((local - shared).abs()),
        "queue": queue_difference(b),
        "widths": message(lambda: gather(x[:, : D - RANK], group=group)),
        "mask": message(lambda: SupConLoss(group=group)(b.x[:, b.own].transpose(0, 1), mask=b.mask[b.own, b.own])),
        "empty": message(lambda: SupConLoss(empty="raise", group=group)(x[:, None], b.ids[b.own])),
    }


def main() -> None:
    torch.set_num_threads(1)
    wait = timedelta(seconds=200)
    dist.init_process_group("gloo", f"file://{FOLDER}/meet", rank=RANK, world_size=3, timeout=wait)
    pair = dist.new_group([0, 1], timeout=wait)
    found = {}
    for name, batch in (("3 ranks unlike", Batch([2, 4, 3])), ("2 ranks alike", Batch([4, 4], pair))):
        if RANK not in range(len(batch.sizes)):
            continue
        if sys.argv[3:] == ["ddp"]:
            found[name] = {case: error_under_ddp(batch, *how) for case, how in CASES.items()}
        else:
            found[name] = findings(batch)
    if RANK < 2 and (FOLDER / "golden.pt").exists():
        features, labels = (x[4 * RANK : 4 * RANK + 4] for x in torch.load(FOLDER / "golden.pt"))
        loss = SupConLoss(normalize=False, group=pair)(features, labels)
        found["per_rank_loss"] = gather(loss[None], group=pair).tolist()
        found["function"] = float(supcon(features, labels, normalize=False))
    if RANK == 0:
        (FOLDER / "found.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


main()
