"""Supervised contrast beside cross-entropy, against cross-entropy alone, on two sensors: five seeds of each.

    uv run examples/supcon_against_ce.py

Trains a small two-sensor ResNet on DFC2020's validation patches with SupCon+CE and with CE alone (SupCon_SSL), from the
same random weights of each seed, and scores the classifier of each on the test patches. Prints both with their standard
deviations over the seeds, and class by class what was published for the real data. Without `--root` the patches are
synthetic, and such that neither sensor alone tells the classes.
"""

import argparse
from pathlib import Path
from statistics import mean, stdev

from eo_data import synthetic
from eo_eval import Setup
from eo_eval.classifier import score_classifier
from eo_eval.published import tables_for
from eo_train import PretrainConfig, load_recipe, pretrain

RUNS = Path("runs/supcon-against-ce")
METHODS = {"SupCon+CE": "supcon_dfc2020", "CE": "ce_dfc2020"}
SMALL = {
    "model": "dual_resnet18",
    "data.size": None,
    "in_memory": True,
    "batch_size": 32,
    "checkpoint_every": 10_000,
    "engine.num_workers": 0,
}


def main() -> None:
    """Data, ten runs, one table."""
    given = arguments()
    root = given.root or synthetic.write_dfc2020(
        RUNS / "data", validation=128, test=128, size=given.size, sight="complementary"
    )
    found: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    for seed in range(given.seeds):
        for name, recipe in METHODS.items():
            run = train(recipe, root, seed=seed, epochs=given.epochs, size=given.size)
            scores = score_classifier(run, "dfc2020", root, setup=Setup(bootstrap=10, batch_size=64))
            found[name].append({metric: score.value for metric, score in scores.items()})
            print(f"seed {seed}, {name}: {scores['average_accuracy'].value:.1%} average accuracy", flush=True)
    show(found, real=given.root is not None)


def train(recipe: str, root: Path, *, seed: int, epochs: int, size: int) -> Path:
    """One run of a recipe, at a size for two cores; one that is done already is left as it is."""
    output = RUNS / f"{recipe}-{seed}"
    changes = SMALL | {"data.root": str(root), "output": str(output), "seed": seed, "epochs": epochs, "view_size": size}
    changes |= {"optim.name": "adamw", "optim.lr": 1e-3, "optim.schedule": "cosine", "optim.classifier_lr": None}
    return pretrain(PretrainConfig.from_dict(load_recipe(recipe, changes)), resume=True)


def show(found: dict[str, list[dict[str, float]]], *, real: bool) -> None:
    """Means and standard deviations over the seeds, and what was published."""
    print(f"\n{'':>18}" + "".join(f"{name:>18}" for name in found))
    for metric in ("average_accuracy", "accuracy", "macro_F1"):
        cells = [[100 * scores[metric] for scores in runs] for runs in found.values()]
        print(f"{metric:>18}" + "".join(f"{said(values):>18}" for values in cells))
    table = tables_for("dfc2020", "test")[0]
    print(f"\npublished, {table.title}{'' if real else ' (the real DFC2020, not this data)'}:")
    for line, first, second in zip(table.lines, *(zip(c.mean, c.std, strict=True) for c in table.columns), strict=True):
        print(f"{line:>18}{first[0]:>11.2f} ± {first[1]:<4.2f}{second[0]:>11.2f} ± {second[1]:<4.2f}")


def said(values: list[float]) -> str:
    """Mean and standard deviation."""
    return f"{mean(values):.2f} ± {stdev(values) if len(values) > 1 else 0:.2f}"


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description="SupCon+CE against CE alone, over several seeds.")
    parser.add_argument("--root", type=Path, default=None, help="folder of DFC2020; default: a synthetic one")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--size", type=int, default=32, help="pixels of a synthetic patch and of a view")
    return parser.parse_args()


if __name__ == "__main__":
    main()
