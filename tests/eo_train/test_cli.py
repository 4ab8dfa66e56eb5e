import pytest
import yaml

from eo_train.cli import main
from eo_train.recipes import find_recipe

ARGUMENTS = ["pretrain", "simclr_folder", "--data.sensor", "rgb", "--data.bands", "[R, G, B]"]


def test_lists_recipes(capsys):
    assert main(["recipes"]) == 0
    assert "simclr_eurosat" in capsys.readouterr().out


def test_usage(capsys):
    assert main(["--help"]) == 0
    assert main([]) == 2
    assert "eo-train pretrain RECIPE" in capsys.readouterr().out


def test_prints_the_configuration_with_overrides(capsys):
    with pytest.raises(SystemExit) as stop:
        main(
            [
                "pretrain",
                "simclr_eurosat",
                "--data.root",
                "here",
                "--output",
                "x",
                "--optim.lr",
                "0.7",
                "--print_config",
            ]
        )
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "lr: 0.7" in out
    assert "root: here" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["pretrain", "simclr_eurosta"], "unknown recipe 'simclr_eurosta'; nearest known: simclr_eurosat"),
        ([*ARGUMENTS, "--data.root", "nowhere", "--output", "OUT"], "nowhere"),
        (
            ["pretrain", "simclr_folder", "--method.name", "simsiam"],
            "method.name must be one of cross_sensor, moco, seco, simclr, softcon, supcon_ce, got 'simsiam'",
        ),
    ],
)
def test_what_the_user_can_mend_is_one_line(words, text, capsys, tmp_path):
    assert main([str(tmp_path / "run") if word == "OUT" else word for word in words]) == 2
    err = capsys.readouterr().err
    assert text in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("--epoch", "--epochs"),
        ("--views.blurr", "--views.blur"),
        ("--method.temprature", "--method.temperature"),
        ("--data.rot", "--data.root"),
    ],
)
def test_a_misspelt_option_is_named_and_the_nearest_offered(option, meant, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*ARGUMENTS, "--data.root", "x", "--output", "y", option, "3"])
    assert stop.value.code == 2
    assert f"unrecognized arguments: {option} 3; did you mean {meant}?" in capsys.readouterr().err


def test_another_data_set_leaves_the_fields_of_the_recipes_behind(capsys):
    words = ["pretrain", "simclr_eurosat", "--data.name", "packed", "--data.root", "x", "--output", "y"]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--data.crop", "48", "--epochs", "3", "--print_config"])
    assert stop.value.code == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    recipe = yaml.safe_load(find_recipe("simclr_eurosat").read_text())
    assert (shown["data"]["name"], shown["data"]["crop"], shown["epochs"]) == ("packed", 48, 3)
    assert "images" not in shown["data"]
    assert shown["method"]["temperature"] == recipe["method"]["temperature"]
    assert shown["views"]["scale"] == recipe["views"]["scale"]


def test_a_misspelt_field_in_a_file_is_named(capsys, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "# Mine.\nmethod: {name: simclr, temprature: 0.2}\ndata: {name: geotiff_folder}\n"
    )
    with pytest.raises(SystemExit) as stop:
        main(["pretrain", str(tmp_path / "mine.yaml"), "--data.root", "x", "--output", "y"])
    assert stop.value.code == 2
    assert "temprature" in capsys.readouterr().err


def test_profile_prints_what_a_step_is_made_of_and_writes_nothing(capsys, tmp_path, tiny_earth, monkeypatch):
    from eo_train import config
    from eo_train.cli import PARTS

    for known in (PARTS["data"], config.DATASETS):
        monkeypatch.setitem(known, "tiny", type(tiny_earth))
    monkeypatch.chdir(tmp_path)
    small = "--model tiny --batch_size 8 --view_size 16 --epochs 2 --engine.num_workers 0 --engine.precision 32-true"
    words = ["profile", "simclr_folder", "--data.name", "tiny", *small.split(), "--engine.accelerator", "cpu"]
    assert main([*words, "--steps", "2"]) == 0
    out = capsys.readouterr().out
    for said in ("simclr, tiny, 16 px, 8 images a step, 32-true, 1 x cpu", "waiting for data", "views", "images/s"):
        assert said in out
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("lightning_fabric.utilities.rank_zero.rank_zero_only.rank", 1)
    assert (main([*words, "--steps", "2"]), capsys.readouterr().out) == (0, ""), "one process of a run says it"
    assert main(words) == 2
    assert "a profile of 20 steps wants a run of 23, got 6; raise epochs or lower --steps" in capsys.readouterr().err
