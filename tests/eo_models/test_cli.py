import json

import pytest
import torch

from eo_models import create_model
from eo_models.cli import main


def test_list_is_a_table_or_json(capsys):
    assert main(["list", "*seco*"]) == 0
    assert "resnet18.seco_100k" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["resnet50.softcon_s1"]["bands"] == ["VV", "VH"]


def test_show_tells_bands_source_and_traps(capsys):
    assert main(["show", "B2_rn50_softcon"]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("resnet50.softcon_s1", "VV VH", "wangyi111/softcon", "quantiles"))
    assert main(["show", "seco_resnet18_1m.ckpt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"]["md5"] == "53d5c41d0f479bdfd31d6746ad4126db"


def test_convert_writes_a_folder_that_create_model_reads(golden, tmp_path, capsys):
    file = golden.file("seco", "seco_resnet18_1m")
    assert main(["convert", str(file), "--name", "resnet18.seco_1m", "--output", str(tmp_path / "hub")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "hub")
    again, model = create_model(tmp_path / "hub"), create_model("resnet18.seco_1m", checkpoint=file)
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(again(x), model(x))
    assert again.facts() == model.facts()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "resnet18.sec"], "eo-models: unknown weights 'resnet18.sec'; nearest known: resnet18.seco_"),
        (["list", "clay*"], "eo-models: no weights are named like 'clay*'; `eo-models list` shows all"),
        (["convert", "no.pth", "--name", "resnet18.seco_1m", "--output", "x"], "eo-models: no weights file at no.pth"),
    ],
)
def test_what_the_user_can_mend_is_said_in_one_line(words, said, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(said)
