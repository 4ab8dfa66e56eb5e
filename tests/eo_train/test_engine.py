import pytest
import torch

from eo_models import create_model
from eo_train import CrossSensor, SeCo
from eo_train.engine import EngineConfig, build_fabric, precision_of
from eo_train.pretrain import compile_backbones
from eo_train.sharding import networks


@pytest.mark.parametrize("able", [{"amx_bf16": True}, {"avx512_bf16": True}, {"avx512_f": True}])
def test_bf16_where_the_processor_computes_in_it(monkeypatch, able):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    expected = "32-true" if able == {"avx512_f": True} else "bf16-mixed"
    assert precision_of(EngineConfig(accelerator="cpu")) == expected


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
