# /// script
# requires-python = ">=3.11"
# dependencies = ["eo-losses", "lightly>=1.5", "pytorch-metric-learning>=2.5"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
#
# [tool.uv.sources]
# eo-losses = { path = "../packages/eo-losses", editable = true }
# ///
"""Time and memory of eo-losses beside lightly, pytorch-metric-learning and a plain dense loss, in one process.

    uv run benchmarks/losses.py [--pairs 256 1024 4096] [--device cpu]

Each row is forward and backward of float32 embeddings of width 128; the contenders take turns, and the best time of
each counts. Extra memory is the peak above what was held before, of the process on a CPU, of the allocator on a GPU.
"""

import argparse
import ctypes
import gc
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses import nt_xent, supcon

TEMPERATURE = 0.1
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def ours_nt_xent(z1: Tensor, z2: Tensor, labels: Tensor) -> Tensor:
    return nt_xent(z1, z2, temperature=TEMPERATURE)


def ours_supcon(z1: Tensor, z2: Tensor, labels: Tensor) -> Tensor:
    return supcon(torch.stack([z1, z2], dim=1), labels, temperature=TEMPERATURE)


def dense_nt_xent(z1: Tensor, z2: Tensor, labels: Tensor) -> Tensor:
    """The equation, written down at once."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    logits = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(z1)))


def dense_supcon(z1: Tensor, z2: Tensor, labels: Tensor) -> Tensor:
    """The equation, written down at once."""
    z, labels = F.normalize(torch.cat([z1, z2]), dim=1), labels.repeat(2)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = (labels[:, None] == labels) & ~itself
    logits = z @ z.T / TEMPERATURE
    log_p = logits - logits.masked_fill(itself, -torch.inf).logsumexp(1, keepdim=True)
    return -((log_p * positive).sum(1) / positive.sum(1)).mean()


def lightly_nt_xent() -> Loss:
    from lightly.loss import NTXentLoss

    loss = NTXentLoss(temperature=TEMPERATURE)
    return lambda z1, z2, labels: loss(z1, z2)


def metric_learning_supcon() -> Loss:
    from pytorch_metric_learning.losses import SupConLoss

    loss = SupConLoss(temperature=TEMPERATURE)
    return lambda z1, z2, labels: loss(torch.cat([z1, z2]), labels.repeat(2))


class Batch:
    """Two views of `pairs` samples in classes of about eight."""

    def __init__(self, pairs: int, device: str) -> None:
        generator = torch.Generator().manual_seed(0)
        first, second = torch.randn(2, pairs, 128, generator=generator)
        self.z1, self.z2 = (z.to(device).requires_grad_() for z in (first, first + second))
        self.labels = torch.randint(0, max(1, pairs // 8), (pairs,), generator=generator).to(device)

    def step(self, loss: Loss) -> float:
        """Forward and backward; gives the value."""
        self.z1.grad = self.z2.grad = None
        value = loss(self.z1, self.z2, self.labels)
        value.backward()
        return float(value.detach())


def seconds(batch: Batch, losses: list[Loss], budget: float) -> list[float]:
    """Best time of each loss; they take turns until the budget is spent."""
    best, start = [float("inf")] * len(losses), time.perf_counter()
    rounds = 0
    while rounds < 3 or (time.perf_counter() - start < budget and rounds < 200):
        for i, loss in enumerate(losses):
            begin = time.perf_counter()
            batch.step(loss)
            best[i] = min(best[i], time.perf_counter() - begin)
        rounds += 1
    return best


def peak_mib(batch: Batch, loss: Loss) -> float:
    """Peak memory above what is held before."""
    gc.collect()
    if batch.z1.is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        batch.step(loss)
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    ctypes.CDLL(None).malloc_trim(0)  # what earlier rows left behind is given back first
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    batch.step(loss)
    return resident("VmHWM") - before


def resident(field: str) -> float:
    """Memory of this process by the kernel's account, in MiB."""
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text()).group(1)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--budget", type=float, default=10.0, help="seconds for the turns of one row")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    packages = ("eo-losses", "lightly", "pytorch-metric-learning", "torch")
    print(", ".join(f"{p} {version(p)}" for p in packages), f"Python {platform.python_version()}", sep=", ")
    where = torch.cuda.get_device_name() if options.device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{where}; forward and backward, float32, width 128; ratio is the other's time over ours\n")
    columns = f"{'ours ms':>9} {'other ms':>9} {'ratio':>6} {'ours MiB':>9} {'other MiB':>9}"
    print(f"{'loss':8} {'pairs':>5} {'other':28} {columns}")
    contests = [
        ("NT-Xent", ours_nt_xent, "lightly NTXentLoss", lightly_nt_xent()),
        ("NT-Xent", ours_nt_xent, "plain dense", dense_nt_xent),
        ("SupCon", ours_supcon, "metric-learning SupConLoss", metric_learning_supcon()),
        ("SupCon", ours_supcon, "plain dense", dense_supcon),
    ]
    for pairs in options.pairs:
        batch = Batch(pairs, options.device)
        for name, ours, other_name, other in contests:
            values = batch.step(ours), batch.step(other)  # a warm-up, and a check that both compute the same
            assert abs(values[0] - values[1]) < 1e-3 * abs(values[1]), (name, other_name, values)
            t, t_other = seconds(batch, [ours, other], options.budget)
            m, m_other = peak_mib(batch, ours), peak_mib(batch, other)
            numbers = f"{1e3 * t:9.2f} {1e3 * t_other:9.2f} {t_other / t:6.2f} {m:9.1f} {m_other:9.1f}"
            print(f"{name:8} {pairs:5} {other_name:28} {numbers}", flush=True)
    print()
    batch = Batch(8192, options.device)
    for name, ours in (("NT-Xent", ours_nt_xent), ("SupCon", ours_supcon)):
        batch.step(ours)
        print(f"{name} of 2 x 8192 rows: {seconds(batch, [ours], 0)[0]:.2f} s, {peak_mib(batch, ours):.0f} MiB extra")


if __name__ == "__main__":
    main()
