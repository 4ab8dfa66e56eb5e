# /// script
# requires-python = ">=3.11"
# dependencies = ["eo-data", "eo-losses", "eo-models", "eo-train", "requests", "torchgeo==0.8.1"]
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
"""Two SimCLR views of a batch: ours against TorchGeo's `simclr_augmentations`, which is kornia's, in one process.

    uv run benchmarks/views.py [--batch 16] [--device cuda]

Both crop, resize, flip, change brightness and contrast, grey and blur, with other draws for every sample. They take
turns; the least time of each counts: CPU time on one thread, or time to completion on a GPU. TorchGeo 0.8.1 imports
requests without declaring it; later releases want Python 3.12.
"""

import argparse
import platform
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import torch
from torch import Tensor
from torchgeo.trainers.simclr import simclr_augmentations

from eo_train.views import ViewConfig, Views

ROUNDS = 6
SHAPES = ((13, 264, 224), (3, 264, 224), (13, 120, 112), (13, 64, 64), (3, 64, 64))


def seconds(device: str, make: Callable[[], object]) -> float:
    """Of one call."""
    if device != "cpu":
        torch.cuda.synchronize()
        begin = time.perf_counter()
        make()
        torch.cuda.synchronize()
        return time.perf_counter() - begin
    begin = time.process_time()
    make()
    return time.process_time() - begin


def compare(batch: int, bands: int, stored: int, size: int, device: str) -> tuple[float, float]:
    """Least milliseconds a sample for two views, theirs and ours."""
    x = torch.randn(batch, bands, stored, stored, generator=torch.Generator().manual_seed(0)).to(device)
    theirs = simclr_augmentations(size, torch.full((bands,), 1 / bands))
    ours, generator = Views(ViewConfig(), size, [f"band {i}" for i in range(bands)]), torch.Generator().manual_seed(0)

    def two(view: Callable[[Tensor], Tensor]) -> Callable[[], object]:
        return lambda: (view(x), view(x))

    contenders = [two(theirs), two(lambda images: ours(images, generator))]
    for contender in contenders:
        contender()
    rounds = [[seconds(device, contender) for contender in contenders] for _ in range(ROUNDS)]
    first, second = (1e3 * min(times) / batch for times in zip(*rounds, strict=True))
    return first, second


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    packages = ", ".join(f"{name} {version(name)}" for name in ("eo-train", "torchgeo", "kornia", "torch"))
    where = torch.cuda.get_device_name() if asked.device != "cpu" else "one thread, CPU time"
    print(f"{packages}, Python {platform.python_version()}, {where}, batch of {asked.batch}\n")
    print(f"{'bands':>5} {'image':>6} {'view':>5} {'torchgeo ms/sample':>19} {'ours ms/sample':>15} {'ratio':>6}")
    for bands, stored, size in SHAPES:
        theirs, ours = compare(asked.batch, bands, stored, size, asked.device)
        print(f"{bands:5} {stored:6} {size:5} {theirs:19.2f} {ours:15.2f} {theirs / ours:5.1f}x", flush=True)


if __name__ == "__main__":
    main()
