import json

import pytest
import torch

from eo_eval import BENCHMARKS, read_rows
from eo_eval.cli import load_model, main, notes_on
from eo_models import create_model

QUICK = ["--bootstrap", "20", "--num_workers", "0", "--device", "cpu"]


def test_a_run_is_scored_shown_and_kept(run, eurosat, tmp_path, capsys):
    words = [str(run), "--benchmark", "eurosat", "--root", str(eurosat), "--split", "val", *QUICK]
    assert main(["linear", *words, "--json", str(tmp_path / "rows.json")]) == 0
    assert main(["knn", *words, "--knn_k", "5"]) == 0
    assert main(["linear", *words, "--random"]) == 0
    shown = capsys.readouterr().out
    assert "linear probe" in shown
    assert "5-NN" in shown
    assert str(run / "report.html") in shown
    trained, random = read_rows(run / "eval/eurosat-val-linear.json")
    assert (trained["weights"], trained["name"], trained["recipe"]) == ("run", "myrun", "simclr_eurosat")
    assert len(trained["weights_sha256"]) == 64
    assert (random["weights"], random["weights_sha256"]) == ("random", None)
    assert random["normalization"] == trained["normalization"]
    assert read_rows(tmp_path / "rows.json") == [trained]
    assert {path.name for path in (run / "eval").glob("*.npz")} == {
        "eurosat-val-linear.npz", "eurosat-val-knn5.npz", "eurosat-val-gallery.npz"
    }  # fmt: skip
    page = (run / "report.html").read_text()
    assert "resnet18, random weights" in page
    assert main(["report", str(run), str(tmp_path / "rows.json"), "--output", str(tmp_path / "two.html")]) == 0
    assert (tmp_path / "two.html").is_file()


def test_the_baseline_to_a_run_is_the_same_network_fed_alike(run):
    task = BENCHMARKS["eurosat"]
    trained, random = (load_model(str(run), task, random=random) for random in (False, True))
    assert (random.name, random.bands, random.normalization) == (trained.name, trained.bands, trained.normalization)
    assert not torch.equal(random.first_layer.weight, trained.first_layer.weight)
    again = load_model(str(run), task, random=True)
    assert torch.equal(random.first_layer.weight, again.first_layer.weight)


def test_a_published_name_loads_its_weights_and_random_its_network(tmp_path, monkeypatch):
    name, task = "resnet18.seco_1m", BENCHMARKS["eurosat"]
    published = create_model("resnet18", bands=("B04", "B03", "B02"), sensor="sentinel2-l2a")
    torch.save(published.body.state_dict(), tmp_path / "seco.ckpt")
    monkeypatch.setattr("eo_models.request.download_weights", lambda weights: tmp_path / "seco.ckpt")
    trained, random = (load_model(name, task, random=random) for random in (False, True))
    assert torch.equal(trained.first_layer.weight, published.first_layer.weight)
    assert not torch.equal(random.first_layer.weight, published.first_layer.weight)
    assert trained.bands == random.bands == ("B04", "B03", "B02")
    assert trained.normalization == random.normalization
    assert notes_on("B2_rn50_softcon", random=False)["weights_sha256"].startswith("b61c1061")
    assert notes_on(name, random=False) == {"name": name, "weights": "published", "weights_sha256": None}
    assert notes_on(name, random=True) == {"name": name, "weights": "random"}


def test_an_architecture_at_random_weights(eurosat, tmp_path, capsys):
    rows = tmp_path / "rows.json"
    words = ["resnet18", "--random", "--benchmark", "eurosat", "--root", str(eurosat), *QUICK]
    assert main(["knn", *words, "--knn_k", "3", "--fraction", "0.5", "--json", str(rows)]) == 0
    (row,) = json.loads(rows.read_text())
    assert (row["split"], row["bands"], row["n_train"], row["label_fraction"]) == ("test", "R,G,B", 20, 0.5)
    assert "resnet18, random" in capsys.readouterr().out


def test_benchmarks_are_listed(capsys):
    assert main(["benchmarks"]) == 0
    assert "eurosat" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["nothing"]])
def test_how_to_use_it(words, capsys):
    assert main(words) == 2
    assert "usage: eo-eval benchmarks" in capsys.readouterr().out
    assert main(["--help"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["linear", "resnet18", "--benchmark", "eurosta"], "unknown benchmark 'eurosta'; nearest known: eurosat"),
        (["linear", "resnet18"], "resnet18 is an architecture, which has no weights of its own: name the folder of a"),
        (["knn", "resnet81", "--random"], "unknown model 'resnet81'; nearest known: resnet18"),
        (["knn", "runs/nothing"], "no run directory at runs/nothing"),
        (["knn", "resnet18", "--random"], "no EuroSAT images"),
        (["linear", "resnet18", "--random", "--split", "train"], "can be scored on test or val, got split 'train'"),
        (
            ["linear", "resnet18", "--random", "--protocol", "publishd"],
            "unknown protocol 'publishd'; nearest known: pub",
        ),
        (["linear", "resnet18", "--random", "--fraction", "many"], 'Parser key "fraction"'),
        (["linear", "resnet18", "--rondom"], "unrecognized arguments: --rondom"),
        (["report", "runs/nothing"], "no run directory and no JSON file at runs/nothing"),
    ],
)
def test_what_the_user_can_mend_is_said_in_one_line(words, message, tmp_path, capsys):
    if words[0] != "report":
        words = [*words, "--root", str(tmp_path)] + ([] if "--benchmark" in words else ["--benchmark", "eurosat"])
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("eo-eval: ")
    assert message in said
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_a_run_cut_short_is_named(run, eurosat, capsys):
    (run / "backbone.safetensors").write_bytes(b"cut")
    assert main(["knn", str(run), "--benchmark", "eurosat", "--root", str(eurosat)]) == 2
    assert "backbone.safetensors is no whole weights file" in capsys.readouterr().err
