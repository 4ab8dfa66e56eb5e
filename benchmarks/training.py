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
"""A SimCLR step from packed EuroSAT beside lightly's.

    uv run benchmarks/training.py --root $EO_DATA_DIR/eurosat_rgb [--steps 4]

ResNet-18, real pictures, views of 64 px, batch 256, by the clock, one after the other; each image counts once.
Lightly's side is its own transform, projector and loss in float32, as its documentation shows them (`eurosat_simclr`).
"""

import argparse
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from torch.utils.data import Subset

from eo_data import EuroSAT, pack
from eo_train import PretrainConfig, load_recipe, pretrain, read_metrics
from eo_train.engine import EngineConfig, precision_of

WARM_UP = 3  # steps left out of a throughput, as in eurosat_simclr.py
RGB = {"bands": ("R", "G", "B"), "sensor": "rgb"}


def train_ours(packed: Path, run: Path, precision: str) -> tuple[float, float]:
    """Images a second after the first steps, and the share of that time spent waiting for data."""
    config = PretrainConfig.from_dict(
        load_recipe("simclr_eurosat", {"output": str(run), "in_memory": False, "view_size": 64})
        | {"data": {"name": "packed", "root": str(packed)}, "normalization": "zscore:eurosat-rgb"}
        | {"epochs": 1, "log_every": 1, "optim": {"name": "adamw", "lr": 0.001}, "engine": {"precision": precision}}
    )
    rows = read_metrics(pretrain(config))[WARM_UP - 1 :]
    seconds = [float(row["seconds"]) for row in rows]
    waited = [float(row["data_wait"]) for row in rows[1:]]
    return 256 * (len(rows) - 1) / (seconds[-1] - seconds[0]), sum(waited) / len(waited)


def compare_steps(root: Path, scratch: Path, steps: int) -> None:
    """Images a second of both, in float32 and in what this hardware is fast at, their ratio, and our wait for data."""
    from eurosat_simclr import train_lightly  # importing lightly takes long

    _, theirs, _ = train_lightly(root, steps + WARM_UP)
    print(f"lightly SimCLR, 32-true                {theirs:7.1f} images/s")
    some = Subset(EuroSAT(root, "train"), range(256 * (steps + WARM_UP)))
    packed = pack(some, scratch / "packed", **RGB, units=["uint8"] * 3, processes=1)
    for precision in dict.fromkeys(("32-true", precision_of(EngineConfig()))):
        ours, waited = train_ours(packed, scratch / precision, precision)
        print(
            f"eo-train, packed data, {precision:15} {ours:7.1f} images/s, ratio {ours / theirs:.2f}; "
            f"waiting for data {waited:.2%} of the step",
            flush=True,
        )


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="folder of EuroSAT RGB")
    parser.add_argument("--steps", type=int, default=4, help="that are counted")
    asked = parser.parse_args()
    packages = ("eo-train", "lightly", "torch", "torchvision")
    print(", ".join(f"{name} {version(name)}" for name in packages), f"| {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        compare_steps(asked.root, Path(folder), asked.steps)


if __name__ == "__main__":
    main()
