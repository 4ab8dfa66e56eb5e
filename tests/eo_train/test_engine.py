import pytest
import torch

from eo_train.engine import EngineConfig, build_fabric, precision_of


@pytest.mark.parametrize(("amx", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_bf16_where_the_processor_has_matrix_units(monkeypatch, amx, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx})
    assert precision_of(EngineConfig(accelerator="cpu")) == precision


def test_what_is_asked_for_is_taken():
    assert precision_of(EngineConfig(precision="16-mixed")) == "16-mixed"


def test_one_process_on_the_cpu():
    fabric = build_fabric(EngineConfig(accelerator="cpu", precision="32-true"))
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")
