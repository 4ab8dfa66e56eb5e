"""Pretrain on pairs of dates of real cities, and see what that is worth for finding what was built between them.

    uv run examples/oscd.py --images DIR --labels DIR

Cuts the cities of OSCD that are in DIR into tiles, packs them as season pairs of 13 bands, and pretrains a ResNet-18 on
them with SeCo, without labels. Then a U-Net is trained on the frozen network for each labelled city, on the change maps
of the other ones, and scored on that city; the same is done with the same network at random weights. F1 is at the
probability that is best on the cities trained on. Pretraining does see the held-out city's images, as it would on any
archive, but no change map. The run is in `runs/oscd`.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from sklearn.metrics import precision_recall_curve
from torch import Tensor

from eo_data import OSCD, PackedDataset, pack
from eo_eval import TRANSFERS, TransferSetup, transfer_datasets
from eo_eval.change import precision_recall_f1
from eo_eval.confusion import confusion
from eo_eval.metrics import measure
from eo_eval.transfer_model import open_model
from eo_models import Model
from eo_train import EngineConfig, Inputs, OptimConfig, PretrainConfig, ViewConfig, pretrain

RUN = Path("runs/oscd")
TILE = 64
BANDS = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
ENGINE = EngineConfig(accelerator="cpu", num_workers=0)
PRETRAINING = PretrainConfig(
    output=str(RUN / "pretrained"),
    method={"name": "seco", "queue": 1024, "momentum": 0.99, "temperature": 0.1},
    normalization="auto",
    in_memory=True,
    view_size=48,
    views=ViewConfig(scale=(0.4, 1.0), brightness=0.3, contrast=0.3, black=-2.0, grayscale=0.0, blur=0.2),
    epochs=100,
    batch_size=64,
    optim=OptimConfig(name="adamw", lr=1e-3, weight_decay=0.05, warmup_epochs=5),
    engine=ENGINE,
    log_every=30,
    checkpoint_every=120,
)
TASK = TRANSFERS["oscd"]
RECIPE = replace(
    TASK.recipe("recommended"), epochs=25, batch_size=16, optim=OptimConfig(name="adam", lr=2e-3, weight_decay=1e-4)
)


class Answer(NamedTuple):
    """Probability of change and truth of every labelled pixel, and which of them are called changed."""

    said: Tensor
    truth: Tensor
    called: Tensor


def main() -> None:
    """Tiles, pretraining, change detection city by city, a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", required=True, help="folder with the cities of OSCD")
    parser.add_argument("--labels", help="folder with their change maps; default: with the images")
    given = parser.parse_args()
    began = time.perf_counter()
    run = pretrain_on(given.images, given.labels)
    print(f"pretrained in {time.perf_counter() - began:.0f} s")
    known = OSCD(given.images, "train", labels=given.labels, incomplete="skip", unlabelled="skip", tile=None)
    cities = [city.name for city in known.cities]
    found = {random: [hold_out(city, cities, run, given, random=random) for city in cities] for random in (False, True)}
    show(cities, found)
    print(f"{time.perf_counter() - began:.0f} s; the runs are in {RUN}")


def pretrain_on(images: str, labels: str | None) -> Path:
    """SeCo on every tile there is, labelled or not."""
    every = OSCD(
        images, "all", labels=labels, incomplete="skip", unlabelled="keep", tile=TILE, border="drop", bands=BANDS
    )
    print(f"{len(every)} tiles of {len(every.cities)} cities, two dates, {len(every.bands)} bands")
    pairs = PackedDataset(pack(every, RUN / "tiles", processes=1))
    return pretrain(PRETRAINING, pairs, resume=True)


def hold_out(city: str, cities: Sequence[str], run: Path, given: argparse.Namespace, *, random: bool) -> Answer:
    """Trained on the other cities, where a pixel is called changed too: the answer for this one."""
    facts = {"labels": given.labels, "incomplete": "skip", "tile": TILE, "bands": BANDS}
    others = OSCD(given.images, "train", cities=[name for name in cities if name != city], border="drop", **facts)
    own = OSCD(given.images, "train", cities=[city], **facts)
    model, _ = open_model(run, TASK, random=random, seed=0)
    output = RUN / f"{city}-{'random' if random else 'pretrained'}"
    setup = TransferSetup(bootstrap=1, in_memory=True, engine=ENGINE)
    done = transfer_datasets(
        model, others, own, task=TASK, recipe=RECIPE, output=output, split=city, setup=setup, resume=True
    )
    said, truth = draw(done.model, own)
    return Answer(said, truth, said >= best_threshold(*draw(done.model, others)))


@torch.no_grad()
def draw(model: Model, dataset: OSCD) -> tuple[Tensor, Tensor]:
    """Probability of change and truth of every labelled pixel."""
    inputs = Inputs(model.backbone, RECIPE.inputs)
    said, truth = [], []
    for sample in dataset:
        mask = sample["mask"]
        probability = model.predict(inputs({"image": sample["image"][None]}))[0, 0]
        said.append(probability[mask != 255])
        truth.append(mask[mask != 255])
    return torch.cat(said), torch.cat(truth)


def best_threshold(said: Tensor, truth: Tensor) -> float:
    """The probability at which F1 is highest."""
    precision, recall, thresholds = precision_recall_curve(truth, said)
    f1 = 2 * precision * recall / (precision + recall).clip(1e-12)
    return float(thresholds[f1[:-1].argmax()])


def show(cities: Sequence[str], found: dict[bool, list[Answer]]) -> None:
    """F1 and average precision of the pixels of each city, and of all of them together."""
    print("held out      changed   F1: SeCo  random   average precision: SeCo  random")
    pooled = {random: [Answer(*map(torch.cat, zip(*each, strict=True)))] for random, each in found.items()}
    for row, name in enumerate([*cities, "all pixels"]):
        scores = {random: (found[random] + pooled[random])[row] for random in found}
        truth = scores[False].truth
        f1 = {
            random: float(precision_recall_f1(confusion(each.called.long(), truth, 2).double())[0])
            for random, each in scores.items()
        }
        precision = {
            random: measure("micro_mAP", each.said[:, None], truth[:, None]) for random, each in scores.items()
        }
        print(
            f"{name:12} {truth.float().mean():8.1%} {f1[False]:11.1%} {f1[True]:7.1%} "
            f"{precision[False]:24.1%} {precision[True]:7.1%}"
        )


if __name__ == "__main__":
    main()
