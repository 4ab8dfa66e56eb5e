import pytest
import torch

from eo_models import Model, build_model, create_model
from eo_models.build import HEADS
from eo_models.fpn import FPN, FPNUpsample

RGB = {"bands": ("R", "G", "B"), "sensor": "rgb"}
TARGETS = {
    "segment": torch.randint(0, 3, (2, 40, 56)),
    "binary_segment": torch.randint(0, 2, (2, 3, 40, 56)),
    "regress": torch.randn(2, 3, 40, 56),
    "classify": torch.tensor([0, 2]),
    "multilabel": torch.tensor([[0, 1, 1], [1, 0, 0]]),
}
IMAGES = torch.randn(2, 3, 40, 56)


@pytest.mark.parametrize("neck", [None, "fpn"])
@pytest.mark.parametrize("head", TARGETS)
def test_every_head_learns_on_maps_or_the_feature(head, neck):
    model = build_model("resnet18", neck=neck, head=head, num_outputs=3, **RGB)
    raw, answers, target = model(IMAGES), model.eval().predict(IMAGES), TARGETS[head]
    assert raw.shape == answers.shape == ((2, 3) if head in ("classify", "multilabel") else (2, 3, 40, 56))
    if head in ("segment", "classify"):
        torch.testing.assert_close(answers.sum(1), torch.ones_like(answers[:, 0]))
    elif head != "regress":
        assert ((answers > 0) & (answers < 1)).all()
    loss = model.loss(IMAGES, target)
    assert loss.shape == ()
    loss.backward()
    assert all(p.grad is not None for p in model.head.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "vit_small_patch14", "swin_v2_t", "multi_resnet50"])
@torch.no_grad()
def test_every_backbone_takes_every_neck_and_head(name):
    backbone, x = create_model(name, **RGB).eval(), torch.randn(2, 3, 56, 112)
    box = {"boxes": torch.tensor([[3.0, 4, 50, 40]]), "labels": torch.tensor([1]), "masks": torch.ones(1, 56, 112)}
    for neck in (None, FPN(backbone).eval(), FPNUpsample(backbone).eval()):
        heads = HEADS | (neck.heads if neck else {})
        for head in TARGETS:
            found = Model(backbone, neck, heads[head](backbone, neck, 2)).predict(x)
            assert found.shape == ((2, 2) if head in ("classify", "multilabel") else (2, 2, 56, 112))
        model = Model(backbone, neck, heads["instance"](backbone, neck, 2))
        assert model.loss(x, [box] * 2) > 0
        assert all((each["boxes"] <= torch.tensor([112, 56, 112, 56])).all() for each in model.predict(x))


def test_segment_is_the_head_on_the_finest_map_resized():
    model = build_model("resnet18", neck="fpn", head="segment", num_outputs=2, **RGB).eval()
    finest = model.head.layers(model.maps(IMAGES)[0])
    assert finest.shape[-2:] == (10, 14)
    torch.testing.assert_close(model(IMAGES), torch.nn.functional.interpolate(finest, size=(40, 56), mode="bilinear"))


@pytest.mark.parametrize("head", ["segment", "classify"])
def test_one_class_under_a_softmax_is_refused(head):
    with pytest.raises(ValueError, match="one class under a softmax is always certain"):
        build_model("resnet18", neck="fpn", head=head, num_outputs=1, **RGB)


@pytest.mark.parametrize("head", ["segment", "binary_segment", "regress", "detect"])
def test_the_number_of_outputs_must_be_said(head):
    with pytest.raises(ValueError, match="this head needs num_outputs=.*got None"):
        build_model("resnet18", head=head, **RGB)


def test_the_backbone_of_a_model_is_the_one_of_create_model():
    model = build_model("resnet18", head="segment", num_outputs=2, **RGB)
    assert type(model.backbone) is type(create_model("resnet18", **RGB))
