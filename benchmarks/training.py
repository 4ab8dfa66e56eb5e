# /// script
# requires-python = ">=3.11"
# dependencies = ["eo-data", "eo-eval", "eo-losses", "eo-models", "eo-train", "lightly>=1.5", "torch", "torchvision"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
#
# [tool.uv.sources]
# eo-data = { path = "../packages/eo-data", editable = true }
# eo-eval = { path = "../packages/eo-eval", editable = true }
# eo-losses = { path = "../packages/eo-losses", editable = true }
# eo-models = { path = "../packages/eo-models", editable = true }
# eo-train = { path = "../packages/eo-train", editable = true }
# ///
"""A SimCLR step: from packed EuroSAT beside lightly's, and with cached gradients beside the whole batch.

    uv run benchmarks/training.py --root $EO_DATA_DIR/eurosat_rgb --part steps
    uv run benchmarks/training.py --part cached [--pairs 4096]

First: ResNet-18, real pictures, views of 64 px, batch 256, by the clock, one after the other; each image counts once.
Lightly's side is its own transform, projector and loss in float32, as its documentation shows them (`eurosat_simclr`).
Then: the gradient of 4,096 pairs of 16 px, batch norm frozen, as one batch and in micro-batches of 64 with
`cache_gradients`, in float32, with the peak of the process's memory above what was held before.
"""

import argparse
import ctypes
import gc
import os
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from lightning_fabric import Fabric
from losses import resident
from torch import Tensor
from torch.utils.data import Subset

from eo_data import EuroSAT, pack
from eo_models import create_model
from eo_train import METHODS, Prepared, PretrainConfig, load_recipe, pretrain, read_metrics
from eo_train.engine import EngineConfig, precision_of
from eo_train.gradient import accumulate, contrast_all, freeze_batch_norm

WARM_UP = 3  # steps left out of a throughput, as in eurosat_simclr.py
RGB = {"bands": ("R", "G", "B"), "sensor": "rgb"}
MICRO = 64


def train_ours(root: Path, scratch: Path, steps: int) -> tuple[float, float]:
    """Images a second after the first steps, and the share of that time spent waiting for data."""
    some = Subset(EuroSAT(root, "train"), range(256 * (steps + WARM_UP)))
    packed = pack(some, scratch / "packed", **RGB, units=["uint8"] * 3, processes=1)
    config = PretrainConfig.from_dict(
        load_recipe("simclr_eurosat", {"output": str(scratch / "run"), "in_memory": False, "view_size": 64})
        | {"data": {"name": "packed", "root": str(packed)}, "normalization": "zscore:eurosat-rgb"}
        | {"epochs": 1, "log_every": 1, "optim": {"name": "adamw", "lr": 0.001}}
    )
    rows = read_metrics(pretrain(config))[WARM_UP - 1 :]
    seconds = [float(row["seconds"]) for row in rows]
    waited = [float(row["data_wait"]) for row in rows[1:]]
    return 256 * (len(rows) - 1) / (seconds[-1] - seconds[0]), sum(waited) / len(waited)


def compare_steps(root: Path, scratch: Path, steps: int) -> None:
    """Images a second of both, their ratio, and our wait for data."""
    from eurosat_simclr import train_lightly  # importing lightly takes long

    _, theirs, _ = train_lightly(root, steps + WARM_UP)
    ours, waited = train_ours(root, scratch, steps)
    print(f"lightly SimCLR, float32:                 {theirs:7.1f} images/s")
    precision = precision_of(EngineConfig())
    print(f"eo-train from packed data, {precision + ':':13} {ours:7.1f} images/s, ratio {ours / theirs:.2f}")
    print(f"waiting for data:                        {100 * waited:7.2f} % of the step", flush=True)


def measured(step: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and MiB above what was held."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begin = resident("VmRSS"), time.perf_counter()
    step()
    return time.perf_counter() - begin, resident("VmHWM") - before


def compare_cached(pairs: int) -> None:
    """Gradient, memory and time with and without cached gradients."""
    torch.manual_seed(0)
    fabric = Fabric(accelerator="cpu", devices=1)
    method = fabric.setup_module(METHODS["simclr"](create_model("resnet18", **RGB)))
    for name in ("training_loss", "embed", "reference"):
        method.mark_forward_method(name)
    freeze_batch_norm(method)
    first, second = torch.randn(2, pairs, 3, 16, 16)
    parts = [Prepared((first[i : i + MICRO], second[i : i + MICRO])) for i in range(0, pairs, MICRO)]

    def gradient(step: Callable[[], object]) -> tuple[Tensor, float, float]:
        method.zero_grad()
        seconds, extra = measured(step)
        return torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None]), seconds, extra

    gradient(lambda: accumulate(fabric, method, [lambda: parts[0]], 1))  # a warm-up
    draws = [lambda part=part: part for part in parts]
    one = gradient(lambda: accumulate(fabric, method, [lambda: parts[0]], 1))
    cached = gradient(lambda: contrast_all(fabric, method, draws, len(draws)))
    whole = gradient(lambda: accumulate(fabric, method, [lambda: Prepared((first, second))], 1))
    apart = float((cached[0] - whole[0]).norm() / whole[0].norm())
    print(f"\n{pairs} pairs, gradients relative to each other: {apart:.1e} apart")
    for name, (_, seconds, extra) in {"one micro-batch": one, "cached": cached, "whole batch": whole}.items():
        print(f"  {name:16} {seconds:7.1f} s {extra:8.0f} MiB", flush=True)


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="folder of EuroSAT RGB")
    parser.add_argument("--part", choices=["steps", "cached", "both"], default="both")
    parser.add_argument("--steps", type=int, default=4, help="that are counted")
    parser.add_argument("--pairs", type=int, default=4096, help="of the batch with cached gradients")
    asked = parser.parse_args()
    packages = ("eo-train", "lightly", "torch", "torchvision")
    print(", ".join(f"{name} {version(name)}" for name in packages), f"| {os.cpu_count()} cores")
    if asked.part != "cached":
        with tempfile.TemporaryDirectory() as folder:
            compare_steps(asked.root, Path(folder), asked.steps)
    if asked.part != "steps":
        compare_cached(asked.pairs)


if __name__ == "__main__":
    main()
