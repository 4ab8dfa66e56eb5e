import json
import re
from pathlib import Path

import pytest
import torch

from eo_models import create_model, get_weights, list_models, list_weights
from eo_models.architectures import ARCHITECTURES
from eo_models.bands import WAVELENGTHS
from eo_models.download import published_hash
from eo_models.weights import Drive, Hub, Url

DATA = Path(__file__).parent / "data"
STEPS = {"affine", "clip", "floor", "standardize", "per_image_max", "quantile_clip", "remove_offset"}
UNITS = {"dn", "db", "uint8", "amplitude", "reflectance"}


def per_part(weights, value):
    return {"backbone": value} if isinstance(weights.bands, tuple) else value


def test_every_fact_is_complete():
    for weights in list_weights():
        assert re.fullmatch(r"[a-z0-9_]+\.[a-z0-9]+(_[a-z0-9]+)*", weights.name)
        assert weights.architecture.removeprefix("multi_") == weights.name.split(".")[0]
        assert weights.architecture in ARCHITECTURES
        assert weights.feature
        assert weights.licence
        assert weights.paper
        assert weights.size is None or weights.size > 1_000_000
        for part, bands in per_part(weights, weights.bands).items():
            units, steps = (per_part(weights, each)[part] for each in (weights.units, weights.normalization))
            assert per_part(weights, weights.sensor)[part] in WAVELENGTHS
            assert len(set(bands)) == len(bands) == len(units)
            assert set(bands) <= set(WAVELENGTHS[per_part(weights, weights.sensor)[part]])
            assert set(units) <= UNITS
            assert steps
            for step in steps:
                assert step["op"] in STEPS
                assert all(set(value) >= set(bands) for value in step.values() if isinstance(value, dict))


def test_every_file_has_the_channels_that_its_facts_name():
    """The bands, in the authors' spelling, of the manifests that the goldens are made of."""
    manifests = {path.stem: json.loads(path.read_text())["model"] for path in DATA.glob("*/*.json")}
    known = [weights for weights in list_weights() if set(weights.aliases) & set(manifests)]
    assert len(known) >= 32  # SoftCon, SeCo, Satlas
    for weights in known:
        (model,) = [manifests[alias] for alias in weights.aliases if alias in manifests]
        for part, bands in per_part(weights, weights.bands).items():
            channels, names = (per_part(weights, model[fact])[part] for fact in ("in_channels", "bands"))
            assert len(bands) == channels
            assert [ours(name, bands) for name in names] == list(bands)


def ours(name, bands):
    """`B4` as `B04` where the sensor's names have two digits."""
    name = name.split(" ")[0]
    return name if name in bands else re.sub(r"^B(?=\d$)", "B0", name)


def test_every_source_is_pinned_as_well_as_its_kind_allows():
    for weights in list_weights():
        match weights.source:
            case Hub(revision=revision, sha256=sha256):
                assert revision is None or re.fullmatch(r"[0-9a-f]{40}", revision)
                assert re.fullmatch(r"[0-9a-f]{64}", sha256)
            case Url(url=url):
                assert url.startswith("https://")
                assert re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{64}", published_hash(weights)[1])
            case Drive(where=where):
                assert re.search(r"\w+\.\w+/", where)  # an address, or where one stands


def test_names_and_aliases_mean_one_thing_each():
    names = [name.casefold() for weights in list_weights() for name in (weights.name, *weights.aliases)]
    assert len(set(names)) == len(names)
    assert not set(names) & set(ARCHITECTURES)
    assert {weights.name for weights in list_weights()} <= set(list_models())


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("B13_vits14_softcon.pth", "vit_small_patch14.softcon_s2"),
        ("b2_vitb14_softcon_enc.pth", "vit_base_patch14.softcon_s1"),
        ("seco_resnet18_1m", "resnet18.seco_1m"),
    ],
)
def test_the_authors_names_are_known(alias, name):
    assert get_weights(alias) is get_weights(name)
    assert create_model(alias).adaptation == {"weights": "random"}


@pytest.mark.parametrize("ask", [get_weights, create_model])
def test_a_near_miss_is_answered_with_the_nearest_names(ask):
    with pytest.raises(
        ValueError, match=r"unknown (weights|model) 'resnet50.softcon_s3'; nearest known: resnet50.softcon"
    ):
        ask("resnet50.softcon_s3")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"name_or_run": "resnet50", "pretrained": True}, "with weights: resnet50.softcon_s2, resnet50.softcon_s1"),
        ({"name_or_run": "resnet50", "verify": True}, "resnet50 has no published file to verify against"),
        (
            {"name_or_run": "resnet18.seco_1m", "pretrained": True, "checkpoint": "x.pth"},
            "pass pretrained=True (download) or checkpoint=... (a local file), not both",
        ),
        (
            {"name_or_run": "resnet18", "bands": {"R": "B04"}, "sensor": "rgb"},
            "resnet18 has no bands that they could be equal to",
        ),
    ],
)
def test_arguments_that_contradict_one_another(options, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        create_model(**options)


def test_a_file_of_other_weights_is_refused_by_name(golden):
    with pytest.raises(
        ValueError, match=r"does not fit resnet50 on 2 bands.* it holds resnet18 as in SeCo's pretraining"
    ):
        create_model("resnet50.softcon_s1", checkpoint=golden.file("seco", "seco_resnet18_1m"))
    with pytest.raises(ValueError, match=r"conv1.weight is \(64, 2, 7, 7\), wanted 13 channels; .* it holds resnet50"):
        create_model("resnet50.softcon_s2", checkpoint=golden.file("softcon", "B2_rn50_softcon"))
    with pytest.raises(ValueError, match=r"does not fit vit_small_patch14 on 13 bands: .* it holds resnet50 as in"):
        create_model("vit_small_patch14.softcon_s2", checkpoint=golden.file("softcon", "B2_rn50_softcon"))


def test_verify_compares_a_local_file_with_the_published_hash(golden):
    file = golden.file("softcon", "B2_rn50_softcon")
    with pytest.raises(ValueError, match=r"has sha256 [0-9a-f]{64}, resnet50.softcon_s1 was published with b61c1061"):
        create_model("resnet50.softcon_s1", checkpoint=file, verify=True)


def test_a_vit_file_without_mask_token_loads_and_one_with_it_keeps_it(golden, tmp_path):
    tensors = golden.tensors("softcon", "B13_vits14_softcon")
    torch.save({k: v for k, v in tensors.items() if k != "mask_token"}, tmp_path / "enc.pth")
    model = create_model("B13_vits14_softcon_enc", checkpoint=tmp_path / "enc.pth")
    assert not model.mask_token.any()
    assert torch.equal(model.body.cls_token, tensors["cls_token"])
    whole = create_model("B13_vits14_softcon", checkpoint=golden.file("softcon", "B13_vits14_softcon"))
    assert torch.equal(whole.mask_token, tensors["mask_token"])
