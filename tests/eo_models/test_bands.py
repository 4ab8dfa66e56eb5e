import re

import pytest
import torch

from eo_models import create_model
from eo_models.bands import Side, match_bands

S2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
L1C = Side(name="weights", bands=S2, sensor="sentinel2-l1c")
RGB = Side(name="weights", bands=("B04", "B03", "B02"), sensor="sentinel2-l2a")
S1 = Side(name="weights", bands=("VV", "VH"), sensor="sentinel1-grd")


def test_the_same_bands_change_nothing():
    mixing = match_bands(L1C, None, None)
    assert torch.equal(mixing.matrix, torch.eye(13, dtype=torch.float64))
    assert mixing.done == {}


@pytest.mark.parametrize("missing", ["zero", "nearest"])
def test_a_subset_in_another_order_computes_what_the_whole_does_on_zeros(golden, missing):
    """`zero` is a plane of zeros after normalization; `nearest` a copy of the nearest band."""
    name, bands = "B2_rn50_softcon", ("VH",)
    file = golden.file("softcon", name)
    whole = create_model(name, checkpoint=file)
    x = torch.randn(1, 1, 64, 64)
    if missing == "nearest":
        with pytest.raises(ValueError, match="VV of sentinel1-grd has no nearest wavelength in the data; pass missing"):
            create_model(name, checkpoint=file, bands=bands, missing=missing)
        return
    part = create_model(name, checkpoint=file, bands=bands, missing=missing)
    torch.testing.assert_close(part(x), whole(torch.cat([torch.zeros_like(x), x], 1)))
    assert part.bands == ("VH",)
    assert part.units == ("db",)
    assert part.adaptation == {"missing": "VV dropped"}
    assert part.normalization[0]["scale"] == {"VH": whole.normalization[0]["scale"]["VH"]}
    assert part.normalization[1:] == whole.normalization[1:]


def test_nearest_adds_the_filter_to_the_neighbour_s():
    mixing = match_bands(L1C, S2[:9] + S2[11:], None, missing="nearest")
    filters = torch.randn(4, 13, 3, 3)
    mixed = mixing.apply(filters)
    torch.testing.assert_close(mixed.sum(1), filters.sum(1))  # the response to equal bands is kept
    torch.testing.assert_close(mixed[:, 8], filters[:, 8] + filters[:, 9])  # B09, 0.945, goes to B8A, 0.865
    torch.testing.assert_close(mixed[:, 9], filters[:, 11] + filters[:, 10])  # B10, 1.375, to B11, 1.61
    assert mixing.done == {"missing": "B09 to B8A, B10 to B11"}


def test_rgb_weights_go_to_many_bands_and_back():
    many = match_bands(RGB, S2, "sentinel2-l1c", extra="mean")
    filters = torch.randn(4, 3, 7, 7)
    mixed = many.apply(filters)
    torch.testing.assert_close(mixed[:, [3, 2, 1]], filters)
    torch.testing.assert_close(mixed[:, 7], filters.mean(1))
    assert many.done["sensor"] == "sentinel2-l2a weights on sentinel2-l1c"
    assert many.done["extra"].endswith("B11 B12: mean of the filters")
    assert many.done["normalization"].startswith("none known for B01 B05")
    assert many.steps([{"op": "floor"}]) is None
    assert many.units(RGB.bands, ("dn",) * 3) == ()
    back = match_bands(Side(name="weights", bands=S2, sensor="sentinel2-l1c"), RGB.bands, RGB.sensor, missing="zero")
    assert torch.equal(back.apply(mixed), filters)
    blank = match_bands(RGB, S2, "sentinel2-l1c", extra="zero").apply(filters)
    assert not blank[:, 7].any()


def test_a_stated_equivalence_carries_the_filters_and_how_to_feed_them():
    mixing = match_bands(RGB, {"R": "B04", "G": "B03", "B": "B02"}, "rgb")
    assert torch.equal(mixing.matrix, torch.eye(3, dtype=torch.float64))
    steps = mixing.steps([{"op": "clip", "min": 0, "max": {"B04": 1, "B03": 2, "B02": 3}}])
    assert steps == [{"op": "clip", "min": 0, "max": {"R": 1, "G": 2, "B": 3}}]
    assert mixing.done == {"sensor": "sentinel2-l2a weights on rgb", "stated": "R is B04, G is B03, B is B02"}
    partly = match_bands(RGB, {"R": "B04", "G": "B03", "B": "B02", "N": "N"}, "other", extra="zero")
    assert partly.matrix[3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("weights", "bands", "sensor", "options", "text"),
    [
        (L1C, S2[:10] + S2[11:], None, {}, "wants B10, which the data lacks (B01 B02"),
        (L1C, S2[:3], None, {"missing": "mean"}, "pass missing='zero' (drop the filter"),
        (RGB, S2[:4], None, {"missing": "zero"}, "knows nothing of B01 of sentinel2-l2a: pass extra='zero'"),
        (RGB, ("B4", "B3", "B2"), None, {}, "'B4' is no band of sentinel2-l2a; it has B01 B02"),
        (RGB, ("B04", "B04"), None, {}, "bands must be distinct, got B04 B04"),
        (RGB, (), None, {}, "bands must be distinct, got none"),
        (
            RGB,
            ("VV", "VH"),
            "sentinel1-grd",
            {"missing": "zero", "extra": "mean"},
            "are radar and optical, which share",
        ),
        (S1, S2[1:4], "sentinel2-l1c", {"missing": "zero", "extra": "mean"}, "start from weights of the data's kind"),
        (
            L1C,
            ("B10", "B11"),
            "landsat8",
            {"missing": "zero", "extra": "zero"},
            "nothing of weights (sentinel2-l1c: B01",
        ),
        (RGB, {"R": "B04", "G": "B04"}, "rgb", {}, "bands gives one filter to two bands"),
        (RGB, {"R": "B05"}, "rgb", {}, "bands says that R is 'B05', which is no band of weights"),
    ],
)
def test_nothing_is_guessed(weights, bands, sensor, options, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        match_bands(weights, bands, sensor, **options)
