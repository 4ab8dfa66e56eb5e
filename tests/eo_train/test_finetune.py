import csv
import signal

import pytest
import torch
import yaml

from eo_models import build_model, create_model
from eo_train import EngineConfig, FinetuneConfig, OptimConfig, StoppedError, finetune, load_model
from eo_train.finetune import group_parameters

RGB = ("R", "G", "B")


@pytest.fixture
def model():
    def build(head="classify", outputs=3, **arguments):
        torch.manual_seed(0)
        made = build_model("tiny", bands=RGB, sensor="rgb", head=head, num_outputs=outputs, **arguments)
        made.backbone.normalization = [{"op": "affine", "scale": 1 / 255, "offset": 0.0}]
        return made

    return build


@pytest.fixture
def config(tmp_path):
    def build(**changes):
        fields = {
            "output": str(tmp_path / "run"),
            "epochs": 2,
            "batch_size": 8,
            "optim": OptimConfig(name="adam", lr=0.01, weight_decay=0.0, schedule="constant"),
            "log_every": 1,
            "checkpoint_every": 2,
            "engine": EngineConfig(accelerator="cpu", precision="32-true", num_workers=0),
        }
        return FinetuneConfig(**(fields | changes))

    return build


def colours(count=24):
    """Images whose colour is their class."""
    images = torch.randint(0, 60, (count, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    for row in range(count):
        images[row, row % 3] += 150
    return [{"image": image.to(torch.uint8), "label": row % 3, "id": str(row)} for row, image in enumerate(images)]


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_a_run_learns_and_leaves_its_folder(model, config):
    made = model()
    folder = finetune(config(epochs=15), made, colours())
    samples = torch.stack([sample["image"] for sample in colours()]).float() / 255
    assert not made.training
    assert (made(samples).argmax(1) == torch.arange(24) % 3).float().mean() > 0.9
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert len(rows) == 45
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert yaml.safe_load((folder / "config.yaml").read_text())["optim"]["name"] == "adam"
    again = load_model(model(), folder)
    torch.testing.assert_close(again(samples), made(samples))
    backbone = create_model(folder)
    torch.testing.assert_close(backbone(samples), made.backbone(samples))


def test_half_precision_is_that_of_the_network(model, config):
    made, seen = model(), []
    conv = next(each for each in made.modules() if isinstance(each, torch.nn.Conv2d))
    conv.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    engine = EngineConfig(accelerator="cpu", precision="bf16-mixed", num_workers=0)
    folder = finetune(config(epochs=15, engine=engine), made, colours())
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in made.parameters()} == {torch.float32}
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])


def test_the_head_alone_leaves_the_backbone(model, config):
    made = model()
    before = state(made)
    finetune(config(trained="head", batch_norm="frozen"), made, colours())
    changed = {name for name, value in state(made).items() if not torch.equal(value, before[name])}
    assert changed == {"head.linear.weight", "head.linear.bias"}


@pytest.mark.parametrize(("mode", "moves"), [("frozen", False), ("batch", False), ("moving", True)])
def test_batch_norm(model, config, mode, moves):
    made = model()
    before = made.backbone.body[1].running_mean.clone()
    finetune(config(trained="head", batch_norm=mode), made, colours())
    assert torch.equal(made.backbone.body[1].running_mean, before) != moves


def test_the_backbone_may_have_a_lower_rate(model, config):
    groups = group_parameters(model(), config(backbone_lr=0.1)).param_groups
    assert [group["share"] for group in groups if group["params"]] == [1.0, 1.0, 0.1, 0.1]
    assert {p for group in groups for p in group["params"]} == set(model().parameters()) or len(groups) == 4


def test_many_labels_and_masks(model, config, tmp_path):
    labels = [sample | {"label": torch.eye(3)[sample["label"]]} for sample in colours()]
    finetune(config(), model("multilabel"), labels)
    torch.manual_seed(0)
    change = build_model("resnet18", bands=RGB, sensor="rgb", neck="seco_unet", head="change")
    change.backbone.normalization = [{"op": "affine", "scale": 1 / 255, "offset": 0.0}]
    pairs = [
        {"image": torch.randint(0, 255, (2, 3, 32, 32)).to(torch.uint8), "mask": torch.randint(0, 2, (32, 32))}
        for _ in range(4)
    ]
    turns = {"turns": ("hflip", "rot90"), "epochs": 1, "batch_size": 2}
    folder = finetune(config(output=str(tmp_path / "change"), trained="head", **turns), change, pairs)
    assert (folder / "model.pt").is_file()


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(model, config, tmp_path):
    straight = model()
    finetune(config(output=str(tmp_path / "straight"), dropout=0.3, turns=("rot90",)), straight, colours())

    class Stops(list):
        read = 0

        def __getitem__(self, row):
            Stops.read += 1
            if Stops.read == 12:
                signal.raise_signal(signal.SIGTERM)
            return super().__getitem__(row)

    broken = model()
    with pytest.raises(StoppedError, match="stopped at step 2 of 6"):
        finetune(config(dropout=0.3, turns=("rot90",)), broken, Stops(colours()))
    resumed = model()
    finetune(config(dropout=0.3, turns=("rot90",)), resumed, Stops(colours()), resume=True)
    assert all(torch.equal(a, b) for a, b in zip(state(straight).values(), state(resumed).values(), strict=True))


def test_bad_configurations(model, config):
    for wrong, message in (
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"turns": ("rot45",)}, "turns are hflip, vflip, rot90, got 'rot45'"),
        ({"dropout": 1.0}, "dropout is a probability below 1, got 1.0"),
        ({"backbone_lr": 0.0}, "backbone_lr is a share above 0, got 0.0; trained='head' leaves it alone"),
    ):
        with pytest.raises(ValueError, match=message):
            config(**wrong)
    with pytest.raises(ValueError, match="batch_size 64 is more than the 24 images"):
        finetune(config(batch_size=64), model(), colours())
    finetune(config(), model(), colours())
    with pytest.raises(ValueError, match="holds a run already"):
        finetune(config(), model(), colours())
