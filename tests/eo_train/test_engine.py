import pytest
import torch

from eo_models import create_model
from eo_train import CrossSensor, SeCo
from eo_train.engine import EngineConfig, build_fabric, precision_of
from eo_train.pretrain import compile_backbones
from eo_train.sharding import networks


@pytest.mark.parametrize(("amx", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_bf16_where_the_processor_has_matrix_units(monkeypatch, amx, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx})
    assert precision_of(EngineConfig(accelerator="cpu")) == precision


def test_what_is_asked_for_is_taken():
    assert precision_of(EngineConfig(precision="16-mixed")) == "16-mixed"


def test_one_process_on_the_cpu():
    fabric = build_fabric(EngineConfig(accelerator="cpu", precision="32-true"))
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")


def test_compiles_every_backbone_and_those_of_keys_and_sensors(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(module))
    seco = SeCo(create_model("tiny", bands=("VV", "VH"), sensor="sentinel1-grd"), queue=4)
    compile_backbones(seco)
    assert [id(each) for each in compiled] == [id(seco.backbone), id(seco.key_backbone)]
    compiled.clear()
    both = create_model("tiny_dual", bands={"s1": ("VV",), "s2": ("B02",)}, sensor={"s1": "a", "s2": "b"})
    compile_backbones(CrossSensor(both))
    assert [id(each) for each in compiled] == [id(both.s1), id(both.s2)]


def test_sharded_are_the_networks_that_are_called_as_one():
    both = create_model("tiny_dual", bands={"s1": ("VV",), "s2": ("B02",)}, sensor={"s1": "a", "s2": "b"})
    method = CrossSensor(both)
    assert networks(method) == [both.s1, both.s2, method.heads["s1"], method.heads["s2"]]
