import torch

from eo_eval.batch_norm import adapt_batch_norm
from eo_eval.feed import open_feed
from eo_models import create_model

PLAIN = {
    "num_workers": 0,
    "image_size": None,
    "bands": None,
    "select_bands": False,
    "normalization": None,
    "seasons": "rows",
}


def test_a_copy_follows_the_images_and_the_model_does_not(tiny, pictures):
    model = tiny().eval()
    feed = open_feed(model, pictures(20), batch_size=20, **PLAIN)
    adapted = adapt_batch_norm(model, feed)
    images = next(iter(feed)).images
    torch.testing.assert_close(adapted.body.running_mean, 0.1 * images.mean((0, 2, 3)))  # momentum 0.1, from zero
    assert model.body.running_mean.eq(0).all()
    assert "batch_norm" in adapted.adaptation
    assert model.adaptation == {}
    assert not adapted.body.training


def test_a_model_without_batch_norm_is_returned_as_it_is(pictures):
    vit = create_model("vit_small_patch14", bands=("R", "G", "B"), sensor="rgb", img_size=28)
    vit.normalization = []
    assert adapt_batch_norm(vit, open_feed(vit, pictures(2), batch_size=2, **PLAIN)) is vit
