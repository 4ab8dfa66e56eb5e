import pytest
import torch
import torch.nn.functional as F

from eo_losses import supcon
from eo_models import create_model
from eo_train import Prepared, SupConCE
from eo_train.methods.supcon_ce import PROTOCOLS

BANDS, SENSOR = {"s1": ("VV", "VH"), "s2": ("B02", "B03", "B04")}, {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}
LABELS = torch.tensor([0, 1, 0, 2, 255, 1])


@pytest.fixture
def build(tiny_architecture):
    def build(one=None, **options):
        torch.manual_seed(0)
        if one:
            backbone = create_model("tiny", bands=BANDS[one], sensor=SENSOR[one])
        else:
            backbone = create_model("tiny_dual", bands=BANDS, sensor=SENSOR)
        return SupConCE(backbone, classes=3, **options).eval()

    return build


def batch(method, labels=LABELS):
    generator = torch.Generator().manual_seed(1)
    bands = {"image": 2} | {key: len(each) for key, each in BANDS.items()}
    views = [torch.randn(6, bands[view.image], 16, 16, generator=generator) for view in method.views]
    return Prepared(tuple(views), (labels,) * len(views))


def projected(method, prepared):
    """By sensor: the image itself and, where there is one, the drawn view."""
    nets = {"s1": method.backbone.s1, "s2": method.backbone.s2}
    out = {"s1": [], "s2": []}
    for view, images in zip(method.views, prepared.views, strict=True):
        out[view.image].append(method.heads[view.image](nets[view.image](images)))
    return out


def test_is_cross_entropy_on_the_fused_images_plus_supcon_over_both_sensors(build):
    method = build(head="mlp", out=4, ce_weight=0.5, supcon_weight=2.0, temperature=0.1)
    prepared = batch(method)
    z, kept = projected(method, prepared), LABELS != 255
    logits = method.classifiers["fused"](torch.cat([z["s1"][0], z["s2"][0]], dim=1))
    entropy = F.cross_entropy(logits, LABELS, ignore_index=255)
    views = torch.cat([torch.stack(z[key], dim=1)[kept] for key in ("s1", "s2")])
    contrast = supcon(views, LABELS[kept].repeat(2), temperature=0.1)
    out = method.training_loss(prepared)
    torch.testing.assert_close(out["loss"], 0.5 * entropy + 2.0 * contrast)
    torch.testing.assert_close(out["loss_ce"], entropy.detach())
    torch.testing.assert_close(out["loss_supcon"], contrast.detach())
    assert float(out["accuracy"]) == float((logits.argmax(1) == LABELS)[kept].float().mean())


def test_sensors_apart_have_a_classifier_and_a_contrast_each(build):
    method = build(fused=False, temperature=0.1)
    prepared = batch(method)
    z, kept = projected(method, prepared), LABELS != 255
    expected = 0.0
    for key in ("s1", "s2"):
        expected += F.cross_entropy(method.classifiers[key](z[key][0]), LABELS, ignore_index=255)
        expected += supcon(torch.stack(z[key], dim=1)[kept], LABELS[kept], temperature=0.1)
    torch.testing.assert_close(method.training_loss(prepared)["loss"], expected)


def test_the_baseline_is_cross_entropy_alone_and_sees_the_images_alone(build):
    method = build(supcon_weight=0.0)
    assert [(view.image, view.draw) for view in method.views] == [("s1", "whole"), ("s2", "whole")]
    out = method.training_loss(batch(method))
    assert out["loss"] == out["loss_ce"]
    assert "loss_supcon" not in out


def test_one_view_of_each_sensor_still_has_the_other_as_a_positive(build):
    method = build(augmented=False)
    alone = torch.tensor([0, 1, 2, 255, 255, 255])  # every class has a single member
    assert float(method.training_loss(batch(method, alone))["loss_supcon"]) > 0
    apart = build(augmented=False, fused=False)
    assert float(apart.training_loss(batch(apart, alone))["loss_supcon"]) == 0


def test_one_sensor_will_do(build):
    method = build(one="s1")
    out = method.training_loss(batch(method))
    assert [view.image for view in method.views] == ["image", "image"]
    out["loss"].backward()
    assert all(parameter.grad is not None for parameter in method.parameters())


def test_multi_hot_labels_are_positives_where_they_overlap(build):
    method = build(kind="jaccard", temperature=0.1)
    labels = torch.tensor([[1.0, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]])
    prepared = batch(method, labels)
    z = projected(method, prepared)
    logits = method.classifiers["fused"](torch.cat([z["s1"][0], z["s2"][0]], dim=1))
    views = torch.cat([torch.stack(z[key], dim=1) for key in ("s1", "s2")])
    expected = F.binary_cross_entropy_with_logits(logits, labels)
    expected = expected + supcon(views, labels.repeat(2, 1), kind="jaccard", temperature=0.1)
    out = method.training_loss(prepared)
    torch.testing.assert_close(out["loss"], expected)
    assert float(out["accuracy"]) == float(((logits > 0) == (labels > 0)).float().mean())


def test_ignored_classes_are_left_out_of_both_losses_unless_the_authors_way_is_asked_for(build):
    ours, theirs = build(), build(contrast_ignored=True)
    changed = batch(ours)
    images = [view.clone() for view in changed.views]
    for view in images:
        view[4] += 1.0  # the image without a class
    changed = Prepared(tuple(images), changed.labels)
    assert ours.training_loss(batch(ours))["loss"] == ours.training_loss(changed)["loss"]
    before, after = theirs.training_loss(batch(theirs)), theirs.training_loss(changed)
    assert before["loss_ce"] == after["loss_ce"]
    assert before["loss_supcon"] != after["loss_supcon"]


def test_the_authors_send_the_images_through_once_more(build):
    method = build(protocol="published").train()
    assert PROTOCOLS["published"].second_pass
    method.training_loss(batch(method))
    assert int(method.backbone.s1.body[1].num_batches_tracked) == 2
    ours = build().train()
    ours.training_loss(batch(ours))
    assert int(ours.backbone.s1.body[1].num_batches_tracked) == 1


def test_a_batch_without_any_class_is_worth_nothing_and_keeps_the_graph(build):
    method = build()
    out = method.training_loss(batch(method, torch.full((6,), 255)))
    assert float(out["loss"].detach()) == 0
    out["loss"].backward()
    assert not method.classifiers["fused"].weight.grad.any()


def test_refuses(build):
    method = build()
    with pytest.raises(ValueError, match=r"labels must be from 0 to 2 or one of ignored=\[255\], got 7; pass classes="):
        method.training_loss(batch(method, torch.full((6,), 7)))
    with pytest.raises(ValueError, match="labels are of 5 classes, got classes=3; pass that number"):
        method.training_loss(batch(method, torch.zeros(6, 5)))
    with pytest.raises(ValueError, match="SupConCE wants labels .* in every batch, got none; take a labelled data set"):
        method.training_loss(Prepared(batch(method).views))
    with pytest.raises(ValueError, match="protocol must be one of published, recommended, got 'theirs'"):
        build(protocol="theirs")
