import re

import pytest
import yaml

from eo_train import PretrainConfig, load_recipe

CONTENT = {"method": {"name": "simclr"}, "output": "runs/x"}


def test_goes_through_yaml_and_back(tiny_config):
    config = tiny_config()
    assert PretrainConfig.from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"epoch": 3}, "a run has no field 'epoch'; did you mean epochs"),
        ({"views": {"blurr": 0.1}}, "views has no field 'blurr'; did you mean blur"),
        ({"optim": {"learning": 0.1}}, "optim has no field 'learning'; it has name, lr, momentum"),
        (
            {"method": {"name": "simclr", "temprature": 0.1}},
            "method simclr has no field 'temprature'; did you mean temperature?",
        ),
        (
            {"method": {"name": "simsiam"}},
            "method.name must be one of cross_sensor, moco, seco, simclr, softcon, supcon_ce, got 'simsiam'",
        ),
        ({"method": {"name": "simclr", "backbone": 1}}, "method simclr has no field 'backbone'"),
        ({"data": {"name": "euro"}}, "data.name must be one of eurosat, geotiff_folder"),
        ({"data": {"name": "eurosat", "rot": "x"}}, "data eurosat has no field 'rot'; did you mean root"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1: contrast needs another image"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ],
)
def test_misspelt_or_impossible_fields(changes, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        PretrainConfig.from_dict(CONTENT | changes)


def test_every_recipe_is_a_valid_run():
    from eo_train import list_recipes

    assert {"simclr_eurosat", "simclr_folder", "softcon_ssl4eo_s12", "quickstart"} <= list_recipes().keys()
    for name in list_recipes():
        config = PretrainConfig.from_dict(load_recipe(name, {"output": "runs/x", "data.root": "data"}))
        assert config.recipe == name
        assert config.data["root"] == "data"
