import pytest
import torch

from eo_train.source import choose_normalization, open_source


class Bare(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, row):
        return {"image": torch.stack([torch.full((4, 4), 10.0 + row), torch.full((4, 4), -row)])}


def test_a_data_set_tells_its_own_facts(tiny_config, tiny_earth):
    source = open_source(tiny_config(), tiny_earth)
    image = source.images["image"]
    assert (image.bands, image.sensor, image.units) == (("R", "G", "B"), "rgb", ("uint8",) * 3)
    assert source.described["given"].endswith("TinyEarth")
    assert choose_normalization("auto", source, "image") == tiny_earth.normalization


def test_a_stranger_s_data_set_is_told(tiny_config):
    with pytest.raises(ValueError, match=r"Bare does not tell its bands and sensor; pass bands=\[...\] and sensor=..."):
        open_source(tiny_config(), Bare())
    source = open_source(tiny_config(), Bare(), bands=("VV", "VH"), sensor="sentinel1-grd", units=("db", "db"))
    (step,) = choose_normalization("auto", source, "image")
    assert step["op"] == "standardize"
    assert step["mean"] == pytest.approx({"VV": 13.5, "VH": -3.5})


def test_exactly_one_data_set(tiny_config, tiny_earth):
    with pytest.raises(ValueError, match="name a data set in config.data .* or pass one: just one of them"):
        open_source(tiny_config(), None)
    with pytest.raises(ValueError, match="just one of them"):
        open_source(tiny_config(data={"name": "eurosat", "root": "x", "split": "train"}), tiny_earth)


def test_named_normalizations_and_steps_are_taken_as_asked(tiny_config, tiny_earth):
    source = open_source(tiny_config(), tiny_earth)
    steps = [{"op": "floor"}]
    assert choose_normalization(steps, source, "image") == steps
    assert choose_normalization("softcon_s1", source, "image")[0]["op"]
    with pytest.raises(ValueError, match="softcon"):
        choose_normalization("softcom_s1", source, "image")
