"""Both sensors with two Swin-T: classes, and a map of every pixel.

    uv run examples/fusion.py

Pretrains a Swin-T for Sentinel-1 and one for Sentinel-2 against each other (SSLTransformerRS), then fine-tunes them
together on DFC2020's validation patches: under one classifier on both features, beside Sentinel-2 alone, and under two
Swin-UNets that are fused into one map. The data are synthetic, and such that neither sensor alone tells the classes.
`--sight redundant` makes a set in which the second sensor adds nothing. The runs are in `runs/fusion-<sight>`: open
`report.html` in `both` and in `maps`.
"""

import argparse
from pathlib import Path

from eo_data import synthetic
from eo_eval import Transferred, TransferSetup, transfer, write_report
from eo_models import create_model, save_backbone
from eo_train import EngineConfig, PretrainConfig, load_recipe, pretrain

SIZE = 32  # pixels of a patch: two Swin-T and their decoders are large networks for two cores
WHOLE = {"size": None}


def main() -> None:
    """Data, pretraining, three fine-tunings."""
    given = arguments()
    runs = Path(f"runs/fusion-{given.sight}")
    pairs = synthetic.write_sen12ms(runs / "sen12ms", patches=8, size=SIZE, sight=given.sight)
    places = synthetic.write_dfc2020(runs / "dfc2020", validation=64, test=64, size=SIZE, sight=given.sight)

    changes = {"data.root": str(pairs), "output": str(runs / "pair"), "view_size": SIZE, "engine.num_workers": 0}
    changes |= {"epochs": 2, "batch_size": 16, "in_memory": True, "checkpoint_every": 10_000}
    changes |= {"optim.warmup_epochs": 0}
    run = pretrain(PretrainConfig.from_dict(load_recipe("sen12ms_swin_t", changes)), resume=True)
    pair = create_model(run)
    for name, side in (("s1", pair.s1), ("s2", pair.s2)):
        save_backbone(side, runs / f"alone-{name}")

    for name, backbone in (("s1", runs / "alone-s1"), ("s2", runs / "alone-s2"), ("both", run)):
        found = tune(backbone, "dfc2020", places, runs / name, given.epochs)
        print(f"{name:>5}: average accuracy {found.metrics['average_accuracy'].value:.1%}", flush=True)
    found = tune(run, "dfc2020_segmentation", places, runs / "maps", given.epochs)
    print(f" maps: mIoU {found.metrics['mIoU'].value:.1%}")
    for name in ("both", "maps"):
        print(write_report(runs / name))


def tune(backbone: Path, benchmark: str, root: Path, output: Path, epochs: int) -> Transferred:
    """A backbone, or both, under the head of a benchmark, all of it trained."""
    setup = TransferSetup(epochs=epochs, batch_size=16, in_memory=True, engine=EngineConfig(num_workers=0))
    found = transfer(backbone, benchmark, root, output=output, setup=setup, data=WHOLE, resume=True)
    found.save_answers()
    return found


def arguments() -> argparse.Namespace:
    """What the synthetic sensors see."""
    parser = argparse.ArgumentParser(description="Fusion of two sensors with two Swin-T.")
    parser.add_argument("--sight", choices=["complementary", "redundant", "natural"], default="complementary")
    parser.add_argument("--epochs", type=int, default=8, help="of each fine-tuning")
    return parser.parse_args()


if __name__ == "__main__":
    main()
