import pytest
import torch

from eo_losses import softcon
from eo_models import create_model
from eo_train import Prepared, SoftCon
from eo_train.methods.softcon import mask_squares


def build(**options):
    torch.manual_seed(0)
    return SoftCon(create_model("resnet18", bands=("VV", "VH"), sensor="sentinel1-grd"), hidden=8, out=4, **options)


def batch():
    labels = torch.tensor([[1.0, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0]])
    return Prepared((torch.randn(4, 2, 32, 32), torch.randn(4, 2, 32, 32)), (labels, labels.roll(1, 0)))


@pytest.mark.parametrize("symmetric", [False, True])
def test_loss_is_softcon_of_online_and_target(symmetric):
    method, prepared = build(mask_ratio=0.0, temperature=0.2, soft_weight=0.3, symmetric=symmetric).eval(), batch()
    with torch.no_grad():
        online = [method.projector(method.backbone(view)) for view in prepared.views]
        target = [method.target(view) for view in prepared.views]
        y1, y2 = prepared.labels
        loss = softcon(online[0], target[1], y1, y2, temperature=0.2, soft_weight=0.3)
        if symmetric:
            loss = (loss + softcon(online[1], target[0], y2, y1, temperature=0.2, soft_weight=0.3)) / 2
    torch.testing.assert_close(method.training_loss(prepared)["loss"].detach(), loss)


def test_the_target_equals_the_online_encoder_at_step_0_and_gets_no_gradient():
    method = build(mask_ratio=0.0).eval()
    view = torch.randn(2, 2, 32, 32)
    assert torch.equal(method.target(view), method.online(view))
    method.training_loss(batch())["loss"].backward()
    assert all(p.grad is None for p in method.target.parameters())
    assert all(p.grad is not None for p in method.backbone.parameters())


def test_the_target_follows_by_the_schedule():
    method = build(momentum=0.9)
    weight = method.backbone.first_layer.weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1.0)
    method.after_step(0.0)
    followed = method.target[0].first_layer.weight
    torch.testing.assert_close(followed, before + 0.1)
    method.after_step(1.0)  # momentum has risen to 1
    torch.testing.assert_close(followed, before + 0.1)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75])
def test_masks_the_share_of_squares_asked_for_others_in_each_image(ratio):
    masked = mask_squares(torch.ones(8, 3, 64, 64), ratio, 16)
    squares = masked.view(8, 3, 4, 16, 4, 16)
    assert torch.equal(squares.amin((3, 5)), squares.amax((3, 5)))  # whole squares
    assert masked.mean((1, 2, 3)).tolist() == [1 - ratio] * 8
    assert len({tuple(image.flatten().tolist()) for image in masked}) == 8


def test_squares_that_do_not_tile_the_view_are_cut_at_its_edge():
    assert mask_squares(torch.ones(2, 1, 40, 56), 0.5, 16).shape == (2, 1, 40, 56)


def test_refuses():
    with pytest.raises(ValueError, match="SoftCon wants multi-hot labels .* in every batch, got none; take a labelled"):
        build().training_loss(Prepared(batch().views))
    with pytest.raises(ValueError, match="0 <= mask_ratio < 1, got 1.5"):
        build(mask_ratio=1.5)
    with pytest.raises(ValueError, match="momentum must be from 0 to 1, got 2"):
        build(momentum=2)
