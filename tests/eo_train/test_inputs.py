import numpy as np
import pytest
import torch
from PIL import Image

from eo_models import create_model
from eo_train.inputs import InputConfig, Inputs

BANDS = ("B04", "B03", "B02")


@pytest.fixture
def backbone():
    made = create_model("tiny", bands=BANDS, sensor="sentinel2-l2a")
    made.normalization = [{"op": "affine", "scale": 1 / 255, "offset": 0}]
    return made


def test_normalizes_once_and_leaves_the_size(backbone):
    pixels = torch.randint(0, 255, (2, 3, 8, 8)).to(torch.uint8)
    x = Inputs(backbone, InputConfig())({"image": pixels, "label": torch.zeros(2)})
    torch.testing.assert_close(x, pixels.float() / 255)


def test_resizes_as_a_picture_library_does(backbone):
    pixels = torch.randint(0, 255, (1, 3, 12, 12), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    inputs = Inputs(backbone, InputConfig(size=16, interpolation="bicubic", eight_bit=True))
    picture = Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).resize((16, 16), Image.Resampling.BICUBIC)
    theirs = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()
    ours = inputs({"image": pixels})[0] * 255
    assert (ours - theirs).abs().max() <= 1.001  # its weights have 8 bits less than float32
    assert (ours - theirs).abs().mean() < 0.02
    assert torch.equal(ours.round(), ours.round().clamp(0, 255))


def test_two_dates_are_resized_alike(backbone):
    pixels = torch.randint(0, 255, (2, 2, 3, 8, 8)).to(torch.uint8)
    x = Inputs(backbone, InputConfig(size=4))({"image": pixels})
    assert x.shape == (2, 2, 3, 4, 4)
    torch.testing.assert_close(x[:, 1], Inputs(backbone, InputConfig(size=4))({"image": pixels[:, 1]}))


def test_a_backbone_that_does_not_say_how_it_is_fed(backbone):
    backbone.normalization = None
    with pytest.raises(ValueError, match="tiny does not say how its pixels are normalized: set model.backbone"):
        Inputs(backbone, InputConfig())
