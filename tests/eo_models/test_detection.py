import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eo_models import build_model
from eo_models.detection import Anchors, Pool

RGB = {"bands": ("R", "G", "B"), "sensor": "rgb"}
BOXES = torch.tensor([[4.0, 6, 30, 30], [10.0, 2, 49, 28]])
TARGET = {"boxes": BOXES, "labels": torch.tensor([1, 2]), "masks": torch.ones(2, 33, 49)}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model("resnet18", neck="fpn+upsample", head="instance", num_outputs=3, **RGB).eval()


def test_objects_are_found_and_learned_in_either_mode(model):
    x = torch.randn(1, 3, 33, 49)
    with torch.no_grad():
        (found,) = model.predict(x)
        (raw,) = model.head.find(model(x))
    assert sorted(found) == ["boxes", "labels", "masks", "scores"]
    assert len(found["scores"]) > 0
    assert (found["scores"].diff() <= 0).all()
    assert (found["boxes"][:, 2:] <= torch.tensor([49, 33])).all()
    assert found["masks"].shape[1:] == (1, 33, 49)
    assert raw["masks"].shape[1:] == (1, 28, 28)
    loss = model.loss(x, [TARGET])
    loss.backward()
    assert loss > 0
    assert all(p.grad is not None for p in model.head.parameters())


def test_a_bare_backbone_gets_laterals():
    model = build_model("resnet18", head="detect", num_outputs=2, **RGB)
    assert [layer.in_channels for layer in model.head.lateral] == [64, 128, 256, 512]
    target = {"boxes": BOXES[:1], "labels": torch.tensor([1])}
    model.loss(torch.randn(1, 3, 64, 64), [target]).backward()
    assert model.head.lateral[0].weight.grad is not None


def test_boxes_are_pooled_from_the_map_of_their_size():
    pool = Pool(["a", "b", "c", "d"], output_size=1, sampling_ratio=2)
    maps = {
        name: torch.full((1, 1, 512 // s, 512 // s), float(s)) for name, s in zip("abcd", (4, 8, 16, 32), strict=True)
    }
    boxes = torch.tensor([[0.0, 0, side, side] for side in (20, 112, 223, 224, 500)])
    assert pool(maps, [boxes], [(512, 512)]).flatten().tolist() == [4, 8, 8, 16, 32]


@given(side=st.integers(17, 200))
@settings(max_examples=40, deadline=None)
def test_strides_are_told_at_any_size_of_image(side):
    sides = [-(-side // stride) for stride in (4, 8, 16, 32)]
    pool = Pool(["a", "b", "c", "d"], output_size=1, sampling_ratio=2)
    maps = {name: torch.zeros(1, 1, cells, cells) for name, cells in zip("abcd", sides, strict=True)}
    pool(maps, [torch.tensor([[0.0, 0, 8, 8]])], [(side, side)])
    assert pool.scales == [1 / 4, 1 / 8, 1 / 16, 1 / 32]


def test_anchors_stand_a_stride_apart_on_any_image():
    (anchors,) = Anchors((4, 8))(_Images(1), [torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 2, 2)])
    assert anchors.shape == (3 * 9 + 3 * 4, 4)
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert sorted({round(x) for x in centres[:27, 0].tolist()}) == [0, 4, 8]
    assert sorted({round(x) for x in centres[27:, 0].tolist()}) == [0, 8]
    square = anchors[1]
    assert (square[2:] - square[:2]).tolist() == [32, 32]


class _Images:
    def __init__(self, count):
        self.image_sizes = [(10, 10)] * count


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": BOXES[:, :3]}, r"boxes \(N, 4\) and labels \(N,\) wanted, got \(2, 3\) and \(2,\)"),
        ({"boxes": BOXES.flip(1)}, "x1 y1 x2 y2 with x2 > x1"),
        ({"labels": torch.tensor([1, 3])}, r"labels must be 1 to 2 \(0 is the background\), got 1 to 3"),
    ],
)
def test_targets_that_are_wrong_are_refused(model, change, message):
    with pytest.raises(ValueError, match=message):
        model.loss(torch.randn(1, 3, 64, 64), [TARGET | change])


def test_targets_that_lack_something_are_refused(model):
    with pytest.raises(ValueError, match="must hold boxes, labels, masks; masks missing"):
        model.loss(torch.randn(1, 3, 64, 64), [{"boxes": BOXES, "labels": torch.tensor([1, 2])}])
    with pytest.raises(ValueError, match="a dict for each of 1 images, got 2"):
        model.loss(torch.randn(1, 3, 64, 64), [TARGET, TARGET])


def test_the_background_counts():
    with pytest.raises(ValueError, match="counts the background as class 0, so it is at least 2, got 1"):
        build_model("resnet18", head="detect", num_outputs=1, **RGB)
