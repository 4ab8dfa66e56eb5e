import re
from enum import Enum

import pytest
import torch
import torch.nn.functional as F

from eo_models import build_model, create_model, satlas
from eo_models.satlas_heads import published_head

FAST = ("Sentinel2_SwinT_MI_RGB",)
SLOW = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in (
        "Aerial_SwinB_SI",
        "Landsat_SwinB_MI",
        "Landsat_SwinB_SI",
        "Sentinel1_SwinB_SI",
        "Sentinel2_Resnet152_SI_MS",
        "Sentinel2_Resnet152_SI_RGB",
        "Sentinel2_Resnet50_MI_RGB",
        "Sentinel2_Resnet50_SI_RGB",
        "Sentinel2_SwinB_MI_MS",
        "Sentinel2_SwinB_SI_MS",
        "Sentinel2_SwinB_SI_RGB",
        "Sentinel2_SwinT_SI_MS",
        "Sentinel2_SwinT_SI_RGB",
    )
]
STRIDES = (4, 8, 16, 32)


def cases(golden, name, word):
    return [case for case in golden.manifest("satlas", name)["cases"] if re.search(word, case["call"])]


def small(golden, name):
    """The file of an id whose published heads hold nothing."""
    return golden.file("satlas", name, blank=("heads.",))


@pytest.fixture(scope="module")
def loaded(golden):
    """Models with their neck by id; those that several tests ask for are kept."""
    kept = {}

    def load(name):
        if name not in kept:
            model = satlas.get_pretrained_model(name, fpn=True, checkpoint=small(golden, name))
            if not name.endswith("SI_RGB"):
                return model
            kept[name] = model
        return kept[name]

    return load


@pytest.mark.parametrize("name", [*FAST, *SLOW])
@torch.no_grad()
def test_maps_and_neck_equal_the_original(golden, loaded, name):
    model, found = loaded(name), {}
    for case in cases(golden, name, r"^(?!.*(head=|head \d))"):
        x, key = golden.input(case["input"]), case["input"]["name"]
        if key not in found:
            maps, neck = model.backbone.forward_maps(x), model(x)
            found[key] = {f"stride{stride}": each for stride, each in zip(STRIDES, maps, strict=True)}
            found[key] |= {f"fpn_stride{stride}": each for stride, each in zip(STRIDES, neck[1:], strict=True)}
            found[key] |= {"upsampled_stride1": neck[0]}
        for label, expected in case["outputs"].items():
            golden.check(found[key][label], expected)


def target_of(golden, recipe):
    """What a case's recipe says: floor(1000 |z|) mod n of an input."""
    modulus, name, shape = re.search(r"mod (\d+), z = make_input\('([^']+)', \[([\d, ]+)\]\)", recipe).groups()
    z = golden.input({"name": name, "shape": [int(side) for side in shape.split(",")]})
    target = (1000 * z.abs()).floor() % int(modulus)
    if "one-hot" in recipe:
        return F.one_hot(target.long(), int(modulus)).movedim(-1, 1)
    return target if "float32 values" in recipe else target.long()


def with_head(golden, loaded, name, case):
    kind, outputs = re.search(r"head=Head\.(\w+), num_categories=(\d+)", case["call"]).groups()
    bare = loaded(name)
    model = satlas.SatlasModel(bare.backbone, fpn=True, head=satlas.Head[kind], num_categories=int(outputs)).eval()
    model.fpn.load_state_dict(bare.fpn.state_dict())
    tensors = {each["key"]: golden.fill(each["key"], each["shape"]) for each in case["extra_tensors"]}
    assert not model.load_state_dict(tensors, strict=False).unexpected_keys
    return model


MORE = ("SEGMENT", "BINSEGMENT", "CLASSIFY")
HEADED = ["Sentinel2_Resnet50_SI_RGB", pytest.param("Sentinel2_SwinB_SI_RGB", marks=pytest.mark.slow)]


KINDS = ["REGRESS", "MULTICLASSIFY", *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HEADED)
@torch.no_grad()
def test_heads_equal_the_package(golden, loaded, name, kind):
    (case,) = cases(golden, name, rf"head=Head\.{kind},")
    model, x = with_head(golden, loaded, name, case), golden.input(case["input"])
    outputs, loss = model(x, target_of(golden, case["target"]))
    found = {"outputs": outputs, "loss": loss, "loss_intended": loss, "logits": outputs.logit()}
    for label, expected in case["outputs"].items():
        golden.check(found[label], expected)
    alone, nothing = model(x)
    assert nothing is None
    torch.testing.assert_close(alone, outputs)


@pytest.mark.parametrize("kind", ["DETECT", pytest.param("INSTANCE", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", HEADED)
@torch.no_grad()
def test_detection_parts_equal_the_package(golden, loaded, name, kind):
    """The parts on the maps that the package gives them: strides 1, 4, 8, 16."""
    (case,) = cases(golden, name, rf"head=Head\.{kind},")
    model, x = with_head(golden, loaded, name, case), golden.input(case["input"])
    head, model.head = model.head, None
    maps, size = model(x)[:4], [tuple(x.shape[-2:])] * len(x)
    objectness, deltas = head.rpn.head(maps)
    found = {f"rpn_objectness_{level}": each for level, each in enumerate(objectness)}
    found |= {f"rpn_bbox_deltas_{level}": each for level, each in enumerate(deltas)}
    boxes = [torch.tensor(case["proposals"]["boxes_image0"]) + image for image in range(len(x))]
    regions, named = head.roi_heads, {f"feat{level}": each for level, each in enumerate(maps)}
    scores = regions.box_predictor(regions.box_head(regions.box_roi_pool(named, boxes, size)))
    found |= dict(zip(("roi_class_logits", "roi_box_regression"), scores, strict=True))
    if kind == "INSTANCE":
        pooled = regions.mask_roi_pool(named, boxes, size)
        found["roi_mask_logits"] = regions.mask_predictor(regions.mask_head(pooled))
    model.head = head
    outputs, found["loss_eval"] = model(x)
    assert [sorted(each) for each in outputs] == [case["detections"]["fields"]] * len(x)
    for label, expected in case["outputs"].items():
        golden.check(found[label], expected)


@pytest.mark.slow
@torch.no_grad()
def test_published_heads_equal_the_original(golden):
    name = "Sentinel2_SwinB_SI_RGB"
    file = golden.file("satlas", name, blank=("heads.1.", "heads.14."))
    model, tensors = build_model(name, head="satlas:land_cover", checkpoint=file), torch.load(file, mmap=True)
    for case in cases(golden, name, r"head \d+ \("):
        number, task = re.search(r"head (\d+) \((\w+)", case["call"]).groups()
        model.head = published_head(task, model.backbone, model.neck, None).eval()
        prefix = f"heads.{number}."
        model.head.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        x = golden.input(case["input"])
        if "rpn" in case["call"]:
            raw = model(x)
            found = {f"objectness_stride{s}": each for s, each in zip(STRIDES, raw.objectness, strict=True)}
            found |= {f"bbox_deltas_stride{s}": each for s, each in zip(STRIDES, raw.deltas, strict=True)}
        else:
            found = dict.fromkeys(case["outputs"], model.predict(x))
        for label, expected in case["outputs"].items():
            golden.check(found[label], expected)


@pytest.fixture(scope="module")
def resnet50(golden):
    return small(golden, "Sentinel2_Resnet50_SI_RGB")


@pytest.fixture(scope="module")
def multi50(resnet50, tmp_path_factory):
    """The same tensors as a multi-image file holds them: one more `backbone.` before the backbone's."""
    tensors, path = torch.load(resnet50), tmp_path_factory.mktemp("multi") / "multi.pth"
    torch.save({f"backbone.{k}" if k.startswith("backbone.") else k: v for k, v in tensors.items()}, path)
    return path


def test_detection_learns_from_boxes_in_training_mode_alone(resnet50):
    model = satlas.get_pretrained_model(
        "Sentinel2_Resnet50_SI_RGB", head="DETECT", num_categories=3, checkpoint=resnet50
    ).train()
    x = torch.randn(1, 3, 50, 70)
    target = [{"boxes": torch.tensor([[5.0, 5, 40, 40]]), "labels": torch.tensor([2])}]
    outputs, loss = model(x, target)
    assert outputs == []
    assert loss.item() > 0
    with pytest.raises(ValueError, match="targets should not be None in training mode"):
        model(x)
    with torch.no_grad():
        (found,), loss = model.eval()(x, target)
    assert loss == 0
    assert len(found["boxes"])
    assert (found["boxes"][:, 2:] <= torch.tensor([70, 50])).all()  # no box reaches out of the image


def test_heads_go_by_any_of_their_names():
    theirs = Enum("Head", ["CLASSIFY", "SEGMENT"])
    for head in (satlas.Head.SEGMENT, theirs.SEGMENT, "SEGMENT", "segment"):
        assert satlas._head(head) is satlas.Head.SEGMENT


def test_what_is_asked_is_checked_before_a_file_is_fetched():
    with pytest.raises(ValueError, match="head SEGMENT needs num_categories"):
        satlas.get_pretrained_model("Sentinel2_SwinB_SI_RGB", head="SEGMENT")
    with pytest.raises(ValueError, match="invalid head 'SEGMENTS'; nearest known: SEGMENT"):
        satlas.get_pretrained_model("Sentinel2_SwinB_SI_RGB", head="SEGMENTS", num_categories=2)
    with pytest.raises(ValueError, match="invalid model_identifier 'Sentinel2_SwinC_SI_RGB'; nearest known: Sentinel2"):
        satlas.get_pretrained_model("Sentinel2_SwinC_SI_RGB")


def test_one_category_under_a_softmax_is_refused(resnet50):
    with pytest.raises(ValueError, match="one class under a softmax is always certain"):
        satlas.get_pretrained_model("Sentinel2_Resnet50_SI_RGB", head="SEGMENT", num_categories=1, checkpoint=resnet50)


def test_single_and_multi_image_files_are_told_apart(resnet50, multi50):
    with pytest.raises(ValueError, match=r"it holds resnet50 as in Satlas' single-image files"):
        create_model("Sentinel2_Resnet50_MI_RGB", checkpoint=resnet50)
    with pytest.raises(ValueError, match=r"it holds multi_resnet50 as in Satlas' multi-image files"):
        create_model("Sentinel2_Resnet50_SI_RGB", checkpoint=multi50)
    model = create_model("Sentinel2_Resnet50_MI_RGB", checkpoint=multi50)
    assert model.adaptation["left_out"].startswith("ImageNet's classifier (2 tensors), fpn (16 tensors), upsample (8")


@torch.no_grad()
def test_several_images_of_other_bands(multi50):
    file, x = {"checkpoint": multi50}, torch.randn(1, 2, 3, 32, 32)
    as_published = create_model("Sentinel2_Resnet50_MI_RGB", **file)
    turned = create_model("Sentinel2_Resnet50_MI_RGB", bands=("TCI_B", "TCI_G", "TCI_R"), **file)
    torch.testing.assert_close(turned(x.flip(2)), as_published(x), rtol=1e-4, atol=1e-4)
    assert turned.units == ("uint8",) * 3
    assert turned.normalization == [{"op": "affine", "scale": 1 / 255, "offset": 0}]


@torch.no_grad()
def test_the_package_call_gives_the_same_maps(resnet50):
    name, x = "Sentinel2_Resnet50_SI_RGB", torch.randn(1, 3, 32, 32)
    model = build_model(name, neck="fpn+upsample", checkpoint=resnet50)
    torch.testing.assert_close(satlas.get_pretrained_model(name, fpn=True, checkpoint=resnet50)(x), model(x))
    alone = satlas.get_pretrained_model(name, checkpoint=resnet50)
    torch.testing.assert_close(alone(x), model.backbone.forward_maps(x))
