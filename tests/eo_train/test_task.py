import pytest
import torch
import torch.nn.functional as F

from eo_models import build_model
from eo_models.meanings import IGNORE
from eo_train.task import Task, known_pixels, target_of

BANDS = ("R", "G", "B")


def build(head, outputs, **arguments):
    torch.manual_seed(0)
    return build_model("tiny", bands=BANDS, sensor="rgb", head=head, num_outputs=outputs, **arguments)


def test_classes_and_labels():
    x = torch.randn(4, 3, 32, 32)
    model = build("classify", 5)
    y = torch.tensor([0, 4, 2, 2])
    task = Task(model).eval()
    torch.testing.assert_close(task.loss(task(x), y), F.cross_entropy(model.eval()(x), y))
    model = build("multilabel", 5)
    y = torch.randint(0, 2, (4, 5)).float()
    margin = torch.nn.MultiLabelSoftMarginLoss()(model.eval()(x), y)  # what the transfer code of SeCo takes
    task = Task(model).eval()
    torch.testing.assert_close(task.loss(task(x), y), margin)


def test_dropout_is_on_the_feature_and_in_training_alone():
    task = Task(build("classify", 3), dropout=0.9)
    task.model.backbone.eval()
    x = torch.randn(2, 3, 32, 32)
    task.eval()
    assert torch.equal(task(x), task(x))
    task.train()
    assert not torch.equal(task(x), task(x))


def test_pixels_without_a_label_are_left_out():
    logits = torch.randn(2, 3, 4, 4)
    mask = torch.randint(0, 3, (2, 4, 4))
    mask[0, 1] = IGNORE
    rows, target = known_pixels(logits, mask)
    assert (rows.shape, target.shape) == ((28, 3), (28,))
    torch.testing.assert_close(F.cross_entropy(rows, target), F.cross_entropy(logits, mask, ignore_index=IGNORE))
    assert known_pixels(logits[:, :1], mask)[0].shape == (28,)


def test_change_of_two_dates():
    torch.manual_seed(0)
    model = build_model("resnet18", bands=BANDS, sensor="rgb", neck="seco_unet", head="change")
    x, mask = torch.randn(2, 2, 3, 32, 32), torch.randint(0, 2, (2, 32, 32))
    task = Task(model).eval()
    logits = task(x)
    torch.testing.assert_close(task.loss(logits, mask), F.binary_cross_entropy_with_logits(logits[:, 0], mask.float()))
    half = mask.clone()
    half[:, :16] = IGNORE
    expected = F.binary_cross_entropy_with_logits(logits[:, 0, 16:], mask[:, 16:].float())
    torch.testing.assert_close(task.loss(logits, half), expected)
    assert task.loss(logits, torch.full_like(mask, IGNORE)) == 0


def test_what_cannot_be_trained():
    with pytest.raises(ValueError, match="this model has no head to be trained"):
        Task(build_model("tiny", bands=BANDS, sensor="rgb"))
    with pytest.raises(ValueError, match="wants samples with 'label' or 'mask', got image, id"):
        target_of({"image": 1, "id": "a"})
