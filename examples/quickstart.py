"""Pretrain a backbone on a synthetic Earth, and see what that was worth.

    uv run examples/quickstart.py

Writes synthetic Sentinel-2 places in the layout of SSL4EO-S12 with their land-cover labels, pretrains a ResNet-18 on
them with SoftCon, and probes it on places it has never seen, beside the same backbone at random weights. The run is in
`runs/quickstart`: open `report.html` there. Run it again and it goes on from where it is.
"""

import time
from pathlib import Path

import torch
from matplotlib import pyplot as plt

from eo_data import SSL4EOS12ML, synthetic
from eo_eval import Evaluation, evaluate, save, save_rows, write_report
from eo_models import create_model
from eo_train import PretrainConfig, load_recipe, pretrain

DATA, RUN = Path("runs/quickstart-data"), Path("runs/quickstart")
SIZE = 48  # pixels of 10 m
PRETRAINED = {"name": "pretrained", "weights": "run"}
RANDOM = {"name": "random weights", "weights": "random"}
PLACES = {"train": (800, 0), "val": (250, 1)}  # how many, and the seed of their world


def main() -> None:
    """Data, pretraining, probes, report."""
    began = time.perf_counter()
    print("A synthetic Earth ...")
    for split, (locations, seed) in PLACES.items():
        synthetic.write_ssl4eo_s12_ml(
            DATA / split, locations=locations, seasons=2, products=["s2c"], size=SIZE, seed=seed
        )

    print("Pretraining ...")
    config = PretrainConfig.from_dict(load_recipe("quickstart", {"data.root": str(DATA / "train"), "output": str(RUN)}))
    pretrain(config, resume=True)

    print("Probing ...")
    pretrained = create_model(RUN)
    torch.manual_seed(0)
    random = create_model("resnet18", bands=pretrained.bands, sensor=pretrained.sensor).eval()
    random.normalization = pretrained.normalization
    methods = ["linear", "knn"]
    scored = evaluate(pretrained, "ssl4eo_s12_ml", DATA, split="val", method=methods, notes=PRETRAINED)
    baseline = evaluate(random, "ssl4eo_s12_ml", DATA, split="val", method=methods, notes=RANDOM)
    save(scored, RUN)
    save_rows(baseline, RUN)
    write_report(RUN)

    draw(scored, baseline, RUN / "quickstart.png")
    for method in methods:
        ours, theirs = headline(scored, method), headline(baseline, method)
        scores = f"pretrained {ours:.1%}, random weights {theirs:.1%}"
        print(f"{method:>7}, micro mAP: {scores}, margin {100 * (ours - theirs):+.1f} points")
    print(f"{time.perf_counter() - began:.0f} s; see {RUN / 'report.html'}")


def headline(evaluation: Evaluation, method: str) -> float:
    """The first metric's value."""
    return evaluation.scores[method].headline[1].value


def draw(scored: Evaluation, baseline: Evaluation, path: Path) -> None:
    """Places in two seasons, and the scores as bars."""
    held_out = SSL4EOS12ML(DATA / "val", product="s2c", bands=["B04", "B03", "B02"], seasons=2)
    figure, axes = plt.subplots(2, 8, figsize=(13, 3.1), width_ratios=[1] * 7 + [3], layout="constrained")
    for column in range(7):
        for season, axis in enumerate(axes[:, column]):
            if column == 0:
                axis.set_title(("December", "June")[season], fontsize=9, loc="left")
            pixels = held_out[column]["image"][season].float() / 2750  # EuroSAT's white
            axis.imshow(pixels.clip(0, 1).permute(1, 2, 0).numpy())
            axis.set_axis_off()
    for axis, method, words in zip(axes[:, -1], ("linear", "knn"), ("linear probe", "20 neighbours"), strict=True):
        values = [headline(baseline, method), headline(scored, method)]
        bars = axis.barh(["random weights", "pretrained"], values, color=["#b5b5b0", "#1f6f8b"])
        axis.bar_label(bars, [f" {value:.1%}" for value in values], fontsize=9)
        axis.set_xlim(0, 1)
        axis.set_xticks([])
        axis.set_title(f"{words}, micro mAP", fontsize=9, loc="left")
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0, labelsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
