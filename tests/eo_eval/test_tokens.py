import pytest
import torch

from eo_eval.tokens import feature_function
from eo_models import create_model


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(0)
    return create_model("vit_small_patch14", bands=("R", "G", "B"), sensor="rgb", img_size=28).eval()


@torch.no_grad()
def test_features_of_a_model_with_tokens(vit):
    x = torch.randn(2, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    cls, mean, last4 = (feature_function(vit, name)(x) for name in ("cls", "patch_mean", "cls_last4"))
    torch.testing.assert_close(cls, vit(x))
    torch.testing.assert_close(feature_function(vit, "default")(x), vit(x))
    torch.testing.assert_close(mean, vit.forward_tokens(x)["patches"].mean(1))
    assert last4.shape == (2, 4 * 384)
    torch.testing.assert_close(last4[:, -384:], cls)  # the last block's is the published feature


def test_an_unknown_feature_is_refused_with_the_nearest(tiny):
    with pytest.raises(ValueError, match="unknown feature 'patchmean'; nearest known: patch_mean"):
        feature_function(tiny(), "patchmean")


def test_models_without_tokens_say_so(tiny):
    resnet = create_model("resnet18", bands=("R", "G", "B"), sensor="rgb")
    with pytest.raises(ValueError, match="resnet18 has no tokens"):
        feature_function(resnet, "cls")(torch.zeros(1, 3, 32, 32))
    headless = tiny()
    headless.forward_tokens = lambda x: {"cls": None, "patches": x.flatten(2).transpose(1, 2)}
    with pytest.raises(ValueError, match="tiny has no class token; take feature 'patch_mean' or 'default'"):
        feature_function(headless, "cls_last4")(torch.zeros(1, 3, 8, 8))
