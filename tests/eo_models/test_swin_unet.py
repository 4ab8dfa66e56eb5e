import pytest
import torch

from eo_models import build_model
from eo_models.swin_unet import PatchExpand

S1 = {"bands": ("VV", "VH"), "sensor": "sentinel1-grd"}
BOTH = {
    "bands": {"s1": ("VV", "VH"), "s2": ("B04", "B03", "B02")},
    "sensor": {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"},
}


def test_a_token_becomes_a_square_row_by_row():
    expand = PatchExpand(4, 1)
    torch.nn.init.eye_(expand.expand.weight)
    expand.norm = torch.nn.Identity()
    assert expand(torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4))[0, :, :, 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("name", "data", "channels"),
    [("swin_tiny", S1, 96), pytest.param("dual_swin_tiny", BOTH, 192, marks=pytest.mark.slow)],
)
def test_segments_every_pixel(name, data, channels):
    unet = {"neck": "swin_unet", "head": "segment", "num_outputs": 3, "img_size": 64}
    model = build_model(name, **unet, **data).eval()
    x = {"s1": torch.randn(2, 2, 64, 64), "s2": torch.randn(2, 3, 64, 64)}
    x = x if name.startswith("dual") else x["s1"]
    assert [m.shape for m in model.maps(x)] == [(2, channels, 64, 64)]
    assert model(x).shape == (2, 3, 64, 64)
    torch.testing.assert_close(model.predict(x).sum(dim=1), torch.ones(2, 64, 64))
    masks = torch.randint(0, 3, (2, 64, 64))
    masks[:, :32] = 255
    seen = torch.nn.functional.cross_entropy(model(x)[:, :, 32:], masks[:, 32:])
    torch.testing.assert_close(model.loss(x, masks), seen)
    model.loss(x, masks).backward()
    unused = [key for key, value in model.named_parameters() if value.grad is None]
    assert unused == []


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ValueError, match="the swin_unet neck mirrors swin_tiny or dual_swin_tiny, got resnet18"):
        build_model("resnet18", neck="swin_unet", **S1)
    with pytest.raises(ValueError, match=r"this head needs num_outputs=..., how many classes"):
        build_model("swin_tiny", neck="swin_unet", head="segment", img_size=32, **S1)
