# /// script
# requires-python = ">=3.11"
# dependencies = ["eo-train", "eo-data", "eo-losses", "eo-models"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
#
# [tool.uv.sources]
# eo-data = { path = "../packages/eo-data", editable = true }
# eo-losses = { path = "../packages/eo-losses", editable = true }
# eo-models = { path = "../packages/eo-models", editable = true }
# eo-train = { path = "../packages/eo-train", editable = true }
# ///
"""A SimCLR step of a large batch: cached gradients beside one graph of all micro-batches, and beside one micro-batch.

    uv run benchmarks/gradient_caching.py [--batch 4096] [--micro 128] [--size 32]

ResNet-18, three bands, float32. All go by the same rule of batch norm: it sees a micro-batch at a time. Each runs in a
process of its own; memory is the peak above what the process held before the step, of the process on a CPU, of the
allocator on a GPU. The gradient's difference is relative to its largest entry, over all parameters.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric
from losses import resident

from eo_models import create_model
from eo_train import Prepared, SimCLR
from eo_train.gradient import contrast_all, joined

Batch = Callable[[], Prepared]


def draw(part: int, micro: int, size: int, device: torch.device) -> Prepared:
    """Two random views of a micro-batch, the same at every call, made where they are needed."""
    generator = torch.Generator().manual_seed(part)
    return Prepared(tuple(torch.randn(2, micro, 3, size, size, generator=generator).to(device).unbind()))


def cached(fabric: Fabric, method: SimCLR, draws: list[Batch]) -> None:
    contrast_all(fabric, method, draws, len(draws))


def one_graph(fabric: Fabric, method: SimCLR, draws: list[Batch]) -> None:
    outputs, _ = joined([method("embed", each()) for each in draws])
    fabric.backward(method.module.loss(outputs)["loss"])


def one_micro_batch(fabric: Fabric, method: SimCLR, draws: list[Batch]) -> None:
    fabric.backward(method("training_loss", draws[0]())["loss"])


CONTENDERS = {"cached gradients": cached, "one graph": one_graph, "one micro-batch alone": one_micro_batch}


def held() -> float:
    """Memory that is held now, in MiB; the peak begins anew."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def peak() -> float:
    """Most that was held since, in MiB."""
    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else resident("VmHWM")


def run(name: str, batch: int, micro: int, size: int, answers: "multiprocessing.Queue[tuple]") -> None:
    fabric = Fabric(devices=1, precision="32-true")
    torch.manual_seed(0)
    method = fabric.setup_module(SimCLR(create_model("resnet18", bands=("R", "G", "B"), sensor="rgb")))
    draws = [partial(draw, part, micro, size, fabric.device) for part in range(batch // micro)]
    before, start = held(), time.perf_counter()
    CONTENDERS[name](fabric, method, draws)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds, memory = time.perf_counter() - start, peak() - before
    gradient = torch.cat([p.grad.flatten() for p in method.parameters()]).cpu().numpy()
    answers.put((seconds, memory, gradient))


def measure(name: str, options: argparse.Namespace) -> tuple:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=run, args=(name, options.batch, options.micro, options.size, answers))
    process.start()
    answer = answers.get()
    process.join()
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--micro", type=int, default=128)
    parser.add_argument("--size", type=int, default=32)
    options = parser.parse_args()
    found = {name: measure(name, options) for name in CONTENDERS}
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"{options.batch} images, micro-batches of {options.micro}, {options.size} px")
    print(f"torch {torch.__version__}, {where}")
    for name, (seconds, memory, _) in found.items():
        print(f"{name:24} {seconds:8.1f} s  {memory:8.0f} MiB")
    ours, theirs = (torch.from_numpy(found[name][2]) for name in ("cached gradients", "one graph"))
    print(f"gradients differ by {float((ours - theirs).abs().max() / theirs.abs().max()):.1e}")


if __name__ == "__main__":
    main()
