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
"""SimCLR on EuroSAT RGB: the recipe `simclr_eurosat` against lightly's stock SimCLR, on one machine in one run.

    uv run benchmarks/eurosat_simclr.py --root $EO_DATA_DIR/eurosat_rgb          # images a second
    uv run benchmarks/eurosat_simclr.py --root $EO_DATA_DIR/eurosat_rgb --full   # train both, probe both

Lightly's side is its own transform, projector and loss around torchvision's ResNet-18, as its documentation shows it:
64 px, batch 256, float32, SGD 0.06, two loader workers. Each image counts once, though two views of it are trained on.
"""

import argparse
import os
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import torch
import torchvision
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from eo_data import EuroSAT
from eo_eval import Features, extract_features, knn, linear_probe
from eo_models import create_model
from eo_train import PretrainConfig, load_recipe, pretrain, read_metrics

LIGHTLY_EPOCHS = 7  # the recipe may take no longer than these do
WARM_UP = 3  # steps left out of a throughput


class LightlyViews(Dataset[list[Tensor]]):
    """EuroSAT's training images through lightly's transform."""

    def __init__(self, root: Path) -> None:
        self.images = EuroSAT(root, "train")
        self.views = SimCLRTransform(input_size=64)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> list[Tensor]:
        return self.views(torchvision.transforms.v2.functional.to_pil_image(self.images[index]["image"]))


def train_lightly(root: Path, steps: int) -> tuple[nn.Module, float, float]:
    """The backbone, images a second after the first steps, and seconds in all."""
    backbone = torchvision.models.resnet18()
    backbone.fc = nn.Identity()
    head, criterion = SimCLRProjectionHead(512, 512, 128), NTXentLoss()
    optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.06)
    loader = DataLoader(LightlyViews(root), batch_size=256, shuffle=True, drop_last=True, num_workers=2)
    started, warm, done = time.perf_counter(), 0.0, 0
    while done < steps:
        for first, second in loader:
            loss = criterion(head(backbone(first)), head(backbone(second)))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            done += 1
            warm = time.perf_counter() if done == WARM_UP else warm
            if done == steps:
                break
    ended = time.perf_counter()
    return backbone, (steps - WARM_UP) * 256 / (ended - warm), ended - started


def train_ours(root: Path, folder: Path, **changes: object) -> tuple[Path, float, float]:
    """The run, images a second after the first logged steps, and seconds in all."""
    asked = {"data.root": str(root), "output": str(folder)} | changes
    config = PretrainConfig.from_dict(load_recipe("simclr_eurosat", asked))
    started = time.perf_counter()
    run = pretrain(config)
    ended = time.perf_counter()
    first, *_, last = read_metrics(run)
    images = (int(last["step"]) - int(first["step"])) * config.batch_size
    return run, images / (float(last["seconds"]) - float(first["seconds"])), ended - started


@torch.no_grad()
def lightly_features(backbone: nn.Module, root: Path, split: str) -> Features:
    """Pooled features of the images scaled as lightly's transform scales them."""
    normalize = torchvision.transforms.v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    rows, labels = [], []
    backbone.eval()
    for batch in DataLoader(EuroSAT(root, split), batch_size=256):
        rows.append(backbone(normalize(batch["image"].float() / 255)))
        labels.append(batch["label"])
    return Features(x=torch.cat(rows), y=torch.cat(labels))


def scores(train: Features, val: Features) -> str:
    """Linear probe (its regularisation chosen by cross-validation on train) and kNN, on the validation images."""
    linear, near = (100 * score.headline[1].value for score in (linear_probe(train, val), knn(train, val)))
    return f"linear {linear:.1f} %, kNN {near:.1f} %"


def compare_throughput(root: Path, steps: int, folder: Path) -> None:
    """Images a second of both, and their ratio."""
    _, theirs, _ = train_lightly(root, steps + WARM_UP)
    _, ours, _ = train_ours(root, folder / "recipe", epochs=1, log_every=5)
    per_run = LIGHTLY_EPOCHS * (len(EuroSAT(root, "train")) // 256) * 256 / theirs
    print(f"lightly SimCLR, 64 px, float32:   {theirs:6.0f} images/s   ({LIGHTLY_EPOCHS} epochs: {per_run:.0f} s)")
    print(f"eo-train simclr_eurosat:          {ours:6.0f} images/s   ratio {ours / theirs:.2f}")


def compare_scores(root: Path, folder: Path, epochs: int | None) -> None:
    """Both trained to the end, then probed alike."""
    changes: dict[str, object] = {} if epochs is None else {"epochs": epochs}
    run, _, seconds = train_ours(root, folder / "full", **changes)
    model = create_model(str(run))
    train, val = (extract_features(model, EuroSAT(root, split)) for split in ("train", "val"))
    print(f"eo-train simclr_eurosat: {seconds:.0f} s, {scores(train, val)}", flush=True)
    backbone, _, seconds = train_lightly(root, LIGHTLY_EPOCHS * (len(EuroSAT(root, "train")) // 256))
    train, val = (lightly_features(backbone, root, split) for split in ("train", "val"))
    print(f"lightly SimCLR, {LIGHTLY_EPOCHS} epochs:  {seconds:.0f} s, {scores(train, val)}")


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="folder of EuroSAT RGB")
    parser.add_argument("--steps", type=int, default=20, help="lightly's steps in the throughput")
    parser.add_argument("--epochs", type=int, help="ours with --full, instead of the recipe's")
    parser.add_argument("--full", action="store_true", help="train and probe both")
    asked = parser.parse_args()
    names = ("eo-train", "lightly", "torch", "torchvision", "timm")
    print(", ".join(f"{name} {version(name)}" for name in names), f"| {os.cpu_count()} cores")
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        compare_throughput(asked.root, asked.steps, Path(folder))
        if asked.full:
            compare_scores(asked.root, Path(folder), asked.epochs)


if __name__ == "__main__":
    main()
