import pytest
import torch
import torch.nn.functional as F

from eo_losses import nt_xent, pairwise_nt_xent
from eo_models import create_model
from eo_train import CrossSensor, Prepared

BANDS, SENSOR = {"s1": ("VV", "VH"), "s2": ("B02", "B03", "B04")}, {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}


@pytest.fixture
def build(tiny_architecture):
    def build(**options):
        torch.manual_seed(0)
        return CrossSensor(create_model("tiny_dual", bands=BANDS, sensor=SENSOR), out=4, **options).eval()

    return build


def batch(method, labels=None):
    generator = torch.Generator().manual_seed(1)
    views = [torch.randn(5, len(BANDS[view.image]), 16, 16, generator=generator) for view in method.views]
    return Prepared(tuple(views), None if labels is None else (labels,) * len(views))


def features(method, prepared):
    nets = {"s1": method.backbone.s1, "s2": method.backbone.s2}
    pairs = zip(method.views, prepared.views, strict=True)
    return [F.normalize(method.heads[view.image](nets[view.image](x)), dim=1) for view, x in pairs]


@pytest.mark.parametrize("head", ["mlp", "none"])
def test_one_view_of_each_sensor_is_nt_xent_between_them(build, head):
    method = build(head=head, temperature=0.2)
    prepared = batch(method)
    expected = nt_xent(*features(method, prepared), temperature=0.2)
    torch.testing.assert_close(method.training_loss(prepared)["loss"], expected)
    assert (head == "none") == (not list(method.heads.parameters()))


def test_two_views_of_each_sensor_are_all_positives_of_one_another(build):
    method = build(augmented=True)
    assert [(view.image, view.draw) for view in method.views] == [
        ("s1", "augmented"), ("s2", "augmented"), ("s1", "whole"), ("s2", "whole"),
    ]  # fmt: skip
    prepared = batch(method)
    expected = pairwise_nt_xent(torch.cat(features(method, prepared)), blocks=4, temperature=0.07)
    torch.testing.assert_close(method.training_loss(prepared)["loss"], expected)


def test_without_places_each_sensor_is_told_from_the_other(build):
    method = build(augmented=True, positives="sensor")
    prepared = batch(method)
    s1, s2, s1_whole, s2_whole = features(method, prepared)
    expected = nt_xent(torch.cat([s1, s2]), torch.cat([s1_whole, s2_whole]), temperature=0.07)
    torch.testing.assert_close(method.training_loss(prepared)["loss"], expected)


def test_images_of_nothing_are_negatives_alone(build):
    method, labels = build(negative_class=3), torch.tensor([0, 3, 1, 3, 2])
    prepared = batch(method, labels)
    z = torch.cat(features(method, prepared))
    expected = pairwise_nt_xent(z, blocks=2, temperature=0.07, negatives=(labels == 3).repeat(2))
    torch.testing.assert_close(method.training_loss(prepared)["loss"], expected)
    with pytest.raises(ValueError, match=r"negative_class=3 wants labels \(B,\); take a data set with classes"):
        method.training_loss(batch(method))


def test_geometry_is_shared_or_independent(build):
    assert {view.place for view in build().views} == {"window"}
    assert {view.place for view in build(geometry="independent").views} == {None}


def test_refuses(build):
    with pytest.raises(
        ValueError, match="CrossSensor wants a backbone of two sensors, such as dual_resnet18, got tiny"
    ):
        CrossSensor(create_model("tiny", bands=BANDS["s1"], sensor=SENSOR["s1"]))
    with pytest.raises(ValueError, match="positives=sensor wants two views of each image, got augmented=False"):
        build(positives="sensor")
    with pytest.raises(ValueError, match="head must be mlp or none, got 'linear'"):
        build(head="linear")
