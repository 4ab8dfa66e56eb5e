"""One sensor with a ResNet: what pretraining against the other sensor is worth to Sentinel-2 alone.

    uv run examples/one_sensor.py

Pretrains two ResNet-18 on pairs of Sentinel-1 and Sentinel-2 images (SSLTransformerRS), takes the one of Sentinel-2,
and fine-tunes it on DFC2020's validation patches beside the same network at random weights; scores both on the test
patches and classifies one of them. Both data sets are synthetic unless `--sen12ms` and `--dfc2020` name folders of the
real ones. The runs are in `runs/one-sensor`: open `report.html` in `pretrained`.
"""

import argparse
from pathlib import Path

import torch

from eo_data import DFC2020, synthetic
from eo_eval import Transferred, TransferSetup, transfer, write_report
from eo_eval.rows import add_rows
from eo_models import create_model, save_backbone
from eo_train import EngineConfig, Inputs, PretrainConfig, load_recipe, pretrain
from eo_train.inputs import InputConfig

RUNS = Path("runs/one-sensor")
SIZE = 32  # pixels of a synthetic patch
SMALL = {"model": "dual_resnet18", "view_size": 32, "epochs": 40, "batch_size": 32, "in_memory": True}


def main() -> None:
    """Data, pretraining, fine-tuning, one answer."""
    given = arguments()
    pairs = given.sen12ms or synthetic.write_sen12ms(RUNS / "sen12ms", patches=60, size=SIZE)
    places = given.dfc2020 or synthetic.write_dfc2020(RUNS / "dfc2020", validation=48, test=96, size=SIZE)

    changes = SMALL | {"data.root": str(pairs), "output": str(RUNS / "pair"), "engine.num_workers": 0}
    changes |= {"optim.lr": 1e-3, "optim.hold_epochs": 0, "checkpoint_every": 10_000}
    run = pretrain(PretrainConfig.from_dict(load_recipe("sen12ms_resnet50", changes)), resume=True)
    save_backbone(create_model(run).s2, RUNS / "sentinel2")

    data = None if given.dfc2020 else {"size": None}  # synthetic patches are small already
    pretrained = tune("pretrained", places, data, random=False)
    baseline = tune("random", places, data, random=True)
    for said, found in (("pretrained", pretrained), ("random weights", baseline)):
        print(f"{said:>15}: " + ", ".join(f"{name} {score.value:.1%}" for name, score in found.metrics.items()))
    answer(pretrained, places, data or {"size": 224, "crops": "centre"})
    add_rows(RUNS / "pretrained/eval/baseline.json", baseline.rows)
    print(write_report(RUNS / "pretrained"))


def tune(name: str, root: Path, data: dict[str, None] | None, *, random: bool) -> Transferred:
    """The backbone of Sentinel-2 under a classifier, all of it trained."""
    setup = TransferSetup(epochs=16, batch_size=16, in_memory=True, engine=EngineConfig(num_workers=0))
    found = transfer(
        RUNS / "sentinel2", "dfc2020", root, output=RUNS / name, random=random, setup=setup, data=data, resume=True
    )
    found.save_answers()
    return found


def answer(found: Transferred, root: Path, data: dict[str, object]) -> None:
    """What the model says of one test patch."""
    patches = DFC2020(root, "test", product="s2", **data)
    sample = patches[len(patches) // 2]
    with torch.no_grad():
        device = next(found.model.parameters()).device
        image = Inputs(found.model.backbone, InputConfig()).to(device)({"image": sample["image"][None].to(device)})
        said = int(found.model.predict(image).argmax())
    truth = int(sample["label"])
    true = found.classes[truth] if truth < len(found.classes) else "no class"
    print(f"{sample['id']}: predicted {found.classes[said]}, true {true}")


def arguments() -> argparse.Namespace:
    """Where the real data are, if they are to be used."""
    parser = argparse.ArgumentParser(description="One sensor with a ResNet, on DFC2020.")
    parser.add_argument("--sen12ms", type=Path, default=None, help="folder of SEN12MS; default: a synthetic one")
    parser.add_argument("--dfc2020", type=Path, default=None, help="folder of DFC2020; default: a synthetic one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
