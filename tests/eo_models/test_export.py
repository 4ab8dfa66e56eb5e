import json

import pytest
import torch

from eo_models import create_model
from eo_models.architectures import ARCHITECTURES
from eo_models.onnx_file import save_onnx

QUICK = {"resnet18"}
SIZE = {"vit_small_patch14": 56, "vit_base_patch14": 56, "swin_tiny": 224, "dual_swin_tiny": 224}


def model_and_input(name):
    """Any architecture on two bands, and an image for it."""
    parts, size = ARCHITECTURES[name].parts, SIZE.get(name, 72)
    if parts:
        bands = {part: ("VV", "VH") if part == "s1" else ("B04", "B03", "B02", "B08") for part in parts}
        x = {part: torch.randn(1, len(bands[part]), size, size) for part in parts}
        return create_model(name, bands=bands, sensor={"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}).eval(), x
    shape = (1, 3, 2, size, size) if name.startswith("multi_") else (1, 2, size, size)
    return create_model(name, bands=("VV", "VH"), sensor="sentinel1-grd").eval(), torch.randn(shape)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in ARCHITECTURES]
)
@torch.no_grad()
def test_every_backbone_can_be_exported(name):
    model, x = model_and_input(name)
    exported = torch.export.export(model, (x,)).module()
    torch.testing.assert_close(exported(x), model(x))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("resnet50", 64), ("vit_small_patch14", 56)])
@torch.no_grad()
def test_an_onnx_file_computes_the_same_and_tells_its_bands(name, size, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = create_model(name, bands=("VV", "VH"), sensor="sentinel1-grd").eval()
    save_onnx(model, tmp_path / "model.onnx", size=size)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    x = torch.randn(3, 2, size, size)
    (found,) = session.run(["feature"], {"image": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), model(x), atol=1e-4, rtol=1e-3)
    facts = json.loads(session.get_modelmeta().custom_metadata_map["eo_models"])
    assert facts["bands"] == ["VV", "VH"]


def test_without_the_extra_or_in_training_mode_it_says_what_to_do(tmp_path, resnet, monkeypatch):
    monkeypatch.setattr("eo_models.onnx_file.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"need the extra: pip install 'eo-models\[onnx\]'"):
        save_onnx(resnet.eval(), tmp_path / "model.onnx")
    monkeypatch.setattr("eo_models.onnx_file.find_spec", lambda name: name)
    with pytest.raises(ValueError, match=r"in evaluation mode: call .eval\(\), or pass model.s1"):
        save_onnx(resnet.train(), tmp_path / "model.onnx")
