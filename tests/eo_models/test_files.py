import pytest
import torch
from safetensors.torch import save_file

from eo_models import create_model, save_backbone


def test_a_file_of_another_model_says_what_differs(tmp_path, resnet):
    save_backbone(resnet, tmp_path)
    file = tmp_path / "backbone.safetensors"
    with pytest.raises(ValueError, match=r"does not fit resnet18 on 2 bands: conv1.weight is \(64, 3, 7, 7\), wanted"):
        create_model("resnet18", bands=("VV", "VH"), sensor="sentinel1-grd", checkpoint=file)
    with pytest.raises(ValueError, match=r"does not fit resnet50 on 3 bands: \d+ missing: .* and \d+ more"):
        create_model("resnet50", bands=resnet.bands, sensor="rgb", checkpoint=file)


def test_a_failed_write_leaves_the_earlier_file(tmp_path, resnet, monkeypatch):
    save_backbone(resnet, tmp_path)
    before = (tmp_path / "backbone.safetensors").read_bytes()

    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        save_backbone(resnet, tmp_path)
    assert (tmp_path / "backbone.safetensors").read_bytes() == before


def test_safetensors_with_extra_keys_is_refused(tmp_path, resnet):
    save_file(resnet.body.state_dict() | {"stranger": torch.zeros(1)}, tmp_path / "extra.safetensors")
    with pytest.raises(ValueError, match="1 unexpected: stranger"):
        create_model("resnet18", bands=resnet.bands, sensor="rgb", checkpoint=tmp_path / "extra.safetensors")
