import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from eo_models import create_model
from eo_train import EngineConfig, OptimConfig, StoppedError, ViewConfig, pretrain, read_metrics

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from conftest import TinyEarth, TinyNet
from eo_models.create import ARCHITECTURES
ARCHITECTURES["tiny"] = TinyNet
from eo_train import PretrainConfig, pretrain
import torch, yaml
torch.set_num_threads(int(sys.argv[3]))  # the last bits depend on it
config = PretrainConfig.from_dict(yaml.safe_load(open(sys.argv[2])))
pretrain(config, TinyEarth())
"""


def weights(folder):
    return load_file(Path(folder) / "backbone.safetensors")


def assert_same_weights(one, other):
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_run_directory_holds_everything(tiny_config, tiny_earth, capsys):
    folder = pretrain(tiny_config(), tiny_earth)
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml", "metrics.csv", "environment.json", "checkpoints", "backbone.safetensors", "backbone.json",
    }  # fmt: skip
    rows = read_metrics(folder)
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(float(row["samples_per_s"]) > 0 and 0 <= float(row["data_wait"]) <= 1 for row in rows)
    facts = json.loads((folder / "backbone.json").read_text())
    assert facts["bands"] == ["R", "G", "B"]
    assert facts["normalization"] == [{"op": "affine", "scale": 1 / 255, "offset": 0.0}]
    assert (facts["step"], facts["method"]) == (6, "simclr")
    assert create_model(folder)(torch.randn(1, 3, 32, 32)).shape == (1, 16)
    assert (
        "simclr on 24 images of 3 bands (rgb): tiny, 32 px, 2 epochs, 6 steps of 8"
        in capsys.readouterr().out.replace("\n", " ")
    )


def test_learns(tiny_config, tiny_earth):
    folder = pretrain(tiny_config(epochs=12, optim=OptimConfig(lr=0.1)), tiny_earth)
    losses = [float(row["loss"]) for row in read_metrics(folder)]
    assert sum(losses[-3:]) / 3 < sum(losses[:3]) / 3 - 0.3


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny_config, tiny_earth, tmp_path):
    runs = [pretrain(tiny_config(output=str(tmp_path / name), epochs=1), tiny_earth) for name in "ab"]
    assert_same_weights(*runs)
    other = pretrain(tiny_config(output=str(tmp_path / "c"), epochs=1, seed=1), tiny_earth)
    assert not torch.equal(weights(other)["0.weight"], weights(runs[0])["0.weight"])


@pytest.mark.filterwarnings("ignore:embeddings have collapsed")  # a thousand weights on noise
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"epochs": 60}, id="simclr"),
        pytest.param(
            {
                "epochs": 25,
                "method": {"name": "moco", "queue": 20, "out": 8},
                "micro_batches": 2,
                "cache_gradients": True,
            },
            id="moco with a queue and cached gradients",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_killed_at_an_arbitrary_step_and_resumed_it_ends_with_the_same_bits(changes, tiny_config, tiny_earth, tmp_path):
    whole = pretrain(tiny_config(output=str(tmp_path / "whole"), **changes), tiny_earth)
    config = tiny_config(output=str(tmp_path / "killed"), **changes)
    (tmp_path / "run.py").write_text(SCRIPT)
    (tmp_path / "config.yaml").write_text(json.dumps(config.to_dict()))
    command = [sys.executable, str(tmp_path / "run.py"), str(Path(__file__).parent), str(tmp_path / "config.yaml")]
    command.append(str(torch.get_num_threads()))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    metrics = tmp_path / "killed/metrics.csv"
    while process.poll() is None and (not metrics.exists() or len(metrics.read_text().splitlines()) < 20):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    left = int(read_metrics(tmp_path / "killed")[-1]["step"])
    last = 3 * config.epochs
    assert 19 <= left < last, "killed in the middle"
    pretrain(config, tiny_earth, resume=True)
    assert_same_weights(whole, config.output)
    assert [int(row["step"]) for row in read_metrics(Path(config.output))] == list(range(1, last + 1))


def test_sigterm_saves_and_stops_and_resuming_ends_with_the_same_bits(tiny_config, tiny_earth, tmp_path):
    whole = pretrain(tiny_config(output=str(tmp_path / "whole")), tiny_earth)
    config = tiny_config(output=str(tmp_path / "stopped"), checkpoint_every=1000)

    class Interrupts(type(tiny_earth)):
        def __getitem__(self, row):
            if not getattr(self, "sent", False):
                self.sent = True
                os.kill(os.getpid(), signal.SIGTERM)
            return super().__getitem__(row)

    with pytest.raises(StoppedError, match=r"stopped at step 1 of 6; go on with --resume \(.*stopped\)"):
        pretrain(config, Interrupts(), resume=False)
    text = (tmp_path / "stopped/config.yaml").read_text()
    (tmp_path / "stopped/config.yaml").write_text(text.replace("given: Interrupts", "given: TinyEarth"))
    pretrain(config, tiny_earth, resume=True)
    assert_same_weights(whole, config.output)


def test_micro_batches_accumulate(tiny_config, tiny_earth):
    folder = pretrain(tiny_config(micro_batches=2, optim=OptimConfig(clip=1.0)), tiny_earth)
    assert float(read_metrics(folder)[0]["grad_norm"]) > 0


def test_softcon_runs_on_seasons_with_labels(tiny_config):
    class Seasons(torch.utils.data.Dataset):
        bands, sensor, units = ("VV", "VH"), "sentinel1-grd", ("db", "db")
        normalization = None

        def __len__(self):
            return 8

        def __getitem__(self, row):
            pixels = torch.randn(4, 2, 36, 36, generator=torch.Generator().manual_seed(row))
            return {
                "image": pixels,
                "label": torch.eye(9)[[row, 1, 2, 3]],
                "labelled": torch.ones(4, dtype=bool),
                "id": str(row),
            }

    method = {"name": "softcon", "hidden": 8, "out": 4}
    folder = pretrain(tiny_config(method=method, seasons=2, normalization="auto", epochs=1), Seasons())
    assert json.loads((folder / "backbone.json").read_text())["normalization"][0]["op"] == "standardize"


SECO = {"name": "seco", "queue": 16, "out": 8}


@pytest.mark.parametrize(
    ("dates", "said"), [(4, ""), (2, "seco compares 3 dates and there are 2: keys take the other one")]
)
def test_seco_runs_on_places_of_several_dates(dates, said, tiny_config, tiny_seasons, capsys):
    folder = pretrain(tiny_config(method=SECO, normalization="auto", epochs=1, batch_size=4), tiny_seasons(dates))
    assert len(read_metrics(folder)) == 3
    out = capsys.readouterr().out.replace("\n", " ")
    assert said in out
    assert ("there are" in out) == bool(said)


def test_seco_refuses_places_of_one_date(tiny_config, tiny_seasons):
    with pytest.raises(ValueError, match="views from 3 dates want at least 2 an image, got 1"):
        pretrain(tiny_config(method=SECO, normalization="auto", batch_size=4), tiny_seasons(1))
    with pytest.raises(ValueError, match="seco compares 3 seasons, got seasons=1; give at least 2"):
        pretrain(tiny_config(method=SECO, normalization="auto", batch_size=4, seasons=1), tiny_seasons(3))


class Damaged(torch.utils.data.Dataset):
    """Every eighth image holds a NaN."""

    bands, sensor = ("VV", "VH"), "sentinel1-grd"

    def __len__(self):
        return 16

    def __getitem__(self, row):
        image = torch.randn(2, 36, 36, generator=torch.Generator().manual_seed(row))
        image[0, 0, 0] = float("nan") if row % 8 == 0 else 0.0
        return {"image": image, "id": str(row)}


def test_batches_with_bad_pixels_are_refused_or_left_out_and_counted(tiny_config):
    fields = {"normalization": [], "batch_size": 4, "epochs": 3}
    with pytest.raises(ValueError, match="pixels are NaN or infinite in .*; mend or leave out .* bad_pixels=skip"):
        pretrain(tiny_config(**fields), Damaged())
    folder = tiny_config(**fields).output + "-skipping"
    rows = read_metrics(pretrain(tiny_config(**fields, output=folder, bad_pixels="skip"), Damaged()))
    assert 3 <= sum(int(row["skipped"]) for row in rows) <= 6, "one or two of the four steps of each epoch"
    with pytest.raises(
        ValueError, match="2 steps in a row, a whole epoch, held NaN or infinite pixels and were left out"
    ):
        pretrain(
            tiny_config(**fields | {"batch_size": 8, "output": folder + "-8"}, bad_pixels="skip", seed=3), Damaged()
        )


CROSS = {"name": "cross_sensor", "head": "none"}
SUPCON = {"name": "supcon_ce", "classes": 3, "head": "mlp", "out": 8}


@pytest.mark.parametrize("method", [CROSS, SUPCON], ids=["cross_sensor", "supcon_ce"])
def test_pretrains_on_pairs_of_sensors_each_normalized_as_its_own(method, tiny_config, tiny_pairs, capsys):
    config = tiny_config(method=method, model="tiny_dual", normalization="auto", epochs=1)
    folder = pretrain(config, tiny_pairs())
    out = capsys.readouterr().out.replace("\n", " ")
    assert "on 16 images of 2 bands (sentinel1-grd) + 3 bands (sentinel2-l1c): tiny_dual" in out
    (row, last) = read_metrics(folder)
    assert ("loss_supcon" in last) == (method is SUPCON)
    assert {"s1.0.weight", "s2.0.weight"} <= weights(folder).keys()
    if method is SUPCON:
        total = float(last["loss_ce"]) + float(last["loss_supcon"])
        assert float(last["loss"]) == pytest.approx(total, rel=1e-4)
        assert 0 <= float(row["accuracy"]) <= 1


def test_pairs_with_nan_borders_are_refused_or_left_out_and_counted(tiny_config, tiny_pairs):
    steps = {
        "s1": [{"op": "affine", "scale": 0.1, "offset": 1.0}],
        "s2": [{"op": "affine", "scale": 1 / 4000, "offset": 0.0}],
    }
    fields = {"method": CROSS, "model": "tiny_dual", "normalization": steps, "batch_size": 4, "epochs": 1}
    with pytest.raises(ValueError, match="pixels of s1 are NaN or infinite in pair-5; mend or leave out"):
        pretrain(tiny_config(**fields), tiny_pairs(bad=(5,)))
    folder = tiny_config().output + "-skipping"
    rows = read_metrics(pretrain(tiny_config(**fields, output=folder, bad_pixels="skip"), tiny_pairs(bad=(5,))))
    assert sum(int(row["skipped"]) for row in rows) <= 1
    assert len(rows) == 3
    with pytest.raises(ValueError, match="normalization names s1, and not s2; give it steps or a name too"):
        pretrain(tiny_config(**fields | {"normalization": {"s1": []}, "output": folder + "-2"}), tiny_pairs())


def test_cached_gradients_contrast_more_images_and_say_so(tiny_config, tiny_earth, capsys):
    fields = {"epochs": 1, "batch_size": 24, "micro_batches": 3}
    folder = pretrain(tiny_config(**fields, cache_gradients=True), tiny_earth)
    out = capsys.readouterr().out.replace("\n", " ")
    assert "gradients are cached: 24 images are contrasted at once, batch norm sees 8 images at a time" in out
    parted = pretrain(tiny_config(**fields, output=str(folder) + "-parted"), tiny_earth)
    losses = [float(read_metrics(each)[0]["loss"]) for each in (folder, parted)]
    assert losses[0] > losses[1] + 0.5, "24 images are harder to tell apart than 8"
    with pytest.raises(ValueError, match="cache_gradients spares memory where .* got micro_batches=1, set it to"):
        tiny_config(cache_gradients=True)


def test_sgd_without_momentum_is_not_sharded(tiny_config):
    asked = {"engine": EngineConfig(strategy="fsdp"), "optim": OptimConfig(name="sgd", momentum=0.0)}
    with pytest.raises(ValueError, match="fsdp cannot resume SGD without momentum.*or take engine.strategy=ddp"):
        tiny_config(**asked)


def test_frozen_batch_norm_keeps_its_statistics(tiny_config, tiny_earth):
    folder = pretrain(tiny_config(epochs=1, batch_norm="frozen"), tiny_earth)
    assert not weights(folder)["1.running_mean"].any()


def test_starts_from_a_file_and_says_so(tiny_config, tiny_earth, tmp_path):
    first = pretrain(tiny_config(output=str(tmp_path / "first"), epochs=1), tiny_earth)
    config = tiny_config(output=str(tmp_path / "second"), epochs=1, init_from=str(first / "backbone.safetensors"))
    facts = json.loads((pretrain(config, tiny_earth) / "backbone.json").read_text())
    assert facts["adaptation"] == {"weights": "backbone.safetensors", "first_layer": "random: 0.weight 0.bias"}


def test_a_run_that_diverges_stops_with_the_way_out(tiny_config, tiny_earth):
    with pytest.raises((ValueError, FloatingPointError), match="lower the learning rate"):
        pretrain(tiny_config(optim=OptimConfig(lr=1e30), epochs=4), tiny_earth)


def test_a_collapsed_network_is_noticed(tiny_config, tiny_earth):
    class Same(type(tiny_earth)):
        def __getitem__(self, row):
            return super().__getitem__(0)

    whole = ViewConfig(scale=(1, 1), ratio=(1, 1), hflip=0, vflip=0, transpose=0, jitter=0, grayscale=0, blur=0)
    with pytest.warns(RuntimeWarning, match="embeddings have collapsed by step 5"):
        pretrain(tiny_config(optim=OptimConfig(lr=0.0), epochs=4, views=whole), Same())


def test_an_occupied_folder_is_refused_before_anything_is_written(tiny_config, tiny_earth):
    folder = pretrain(tiny_config(epochs=1), tiny_earth)
    before = (folder / "backbone.safetensors").stat().st_mtime_ns
    with pytest.raises(ValueError, match="holds a run already; go on with it by --resume"):
        pretrain(tiny_config(epochs=1), tiny_earth)
    assert (folder / "backbone.safetensors").stat().st_mtime_ns == before


def test_a_batch_larger_than_the_data_is_refused(tiny_config, tiny_earth):
    with pytest.raises(ValueError, match="batch_size 32 is more than the 24 images there are; lower it"):
        pretrain(tiny_config(batch_size=32), tiny_earth)
