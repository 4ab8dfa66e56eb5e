import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eo_data import NORMALIZATIONS, SENSORS, STATISTICS, Normalize, normalization_for, standardize_by
from eo_data.normalize import stretch_steps

L1C = SENSORS["sentinel2-l1c"].band_names
DTYPES = [torch.uint8, torch.uint16, torch.int16, torch.int32, torch.float16, torch.float32, torch.float64]


def run(steps, x, bands=("VV", "VH")):
    return Normalize(steps, bands)(x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_dtype_becomes_float32_before_any_arithmetic(dtype):
    x = torch.tensor([[[3]], [[250]]]).to(dtype)
    out = run([{"op": "affine", "scale": 100, "offset": -300}], x)
    assert out.dtype == torch.float32
    assert out.flatten().tolist() == [0, 24700]


def test_no_steps_leave_the_cast_alone():
    x = torch.arange(8).to(torch.uint16).view(2, 2, 2)
    torch.testing.assert_close(run([], x), torch.arange(8.0).view(2, 2, 2))


@pytest.mark.parametrize("shape", [(2, 4, 4), (3, 2, 4, 4), (3, 5, 2, 4, 4)])
def test_any_leading_axes(shape):
    x = torch.randn(shape)
    out = run([{"op": "affine", "scale": {"VV": 1, "VH": 2}, "offset": 0}], x)
    torch.testing.assert_close(out.select(-3, 1), 2 * x.select(-3, 1))
    torch.testing.assert_close(out.select(-3, 0), x.select(-3, 0))


def test_floating_input_is_not_changed_in_place():
    x = torch.full((2, 2, 2), 5.5)
    run([{"op": "floor"}, {"op": "clip", "min": 0, "max": 1}, {"op": "affine", "scale": 2, "offset": 1}], x)
    assert (x == 5.5).all()


def test_each_step_by_hand():
    x = torch.tensor([[[-1.5, 0.5]], [[2.5, 9.0]]])
    assert run([{"op": "floor"}], x).flatten().tolist() == [-2, 0, 2, 9]
    assert run([{"op": "clip", "min": 0, "max": {"VV": 0.25, "VH": 5}}], x).flatten().tolist() == [0, 0.25, 2.5, 5]
    assert run([{"op": "standardize", "mean": 0.5, "std": {"VV": 2, "VH": 1}}], x).flatten().tolist() == [-1, 0, 2, 8.5]
    assert run([{"op": "remove_offset", "value": 1}], x).flatten().tolist() == [0, 0, 1.5, 8]
    torch.testing.assert_close(run([{"op": "per_image_max"}], x)[1], x[1] / (9 + 1e-5))


def test_quantile_clip_is_per_image_and_band_and_equals_torch():
    x = torch.randn(3, 2, 17, 19)
    out = run([{"op": "quantile_clip", "low": {"VV": 0.01, "VH": 0.2}, "high": 0.99}], x)
    for image, clipped in zip(x, out, strict=True):
        for band, low in ((0, 0.01), (1, 0.2)):
            bounds = image[band].quantile(torch.tensor([low, 0.99]))
            torch.testing.assert_close(clipped[band], image[band].clamp(*bounds))


def test_a_mapping_may_know_more_bands_and_the_channel_order_is_that_of_bands():
    steps = [{"op": "affine", "scale": 1, "offset": {"B01": 1, "B02": 2, "B03": 3}}]
    assert run(steps, torch.zeros(2, 1, 1), ("B03", "B01")).flatten().tolist() == [3, 1]


@pytest.mark.parametrize(
    ("name", "table", "sensor"),
    [
        ("softcon_s2", "ssl4eo-s12-l1c", "sentinel2-l1c"),
        ("softcon_s2_l2a", "ssl4eo-s12-l2a", "sentinel2-l2a"),
        ("softcon_s1", "ssl4eo-s12-s1", "sentinel1-grd"),
    ],
)
def test_softcon_equals_the_authors_cast_to_8_bit(name, table, sensor):
    bands = SENSORS[sensor].band_names
    mean, std = (np.array([STATISTICS[table][kind][band] for band in bands]) for kind in ("mean", "std"))
    low = (mean - 2 * std)[:, None]
    pixels = np.random.default_rng(0).normal(mean[:, None], 2 * std[:, None], (len(bands), 4096))
    if sensor != "sentinel1-grd":
        pixels = pixels.clip(0, 20000).round()
    authors = ((pixels - low) / (4 * std[:, None]) * 255).clip(0, 255).astype(np.uint8)

    stored = pixels.astype(np.float32 if sensor == "sentinel1-grd" else np.uint16)
    ours = Normalize(normalization_for(name), bands)(torch.from_numpy(stored).view(len(bands), 64, 64))

    assert 0 <= ours.min() < 0.1
    assert ours.max() == 1
    levels = (ours * 255).round().flatten(1).numpy()
    assert np.abs(ours.flatten(1).numpy() * 255 - levels).max() < 1e-4
    different = levels != authors
    assert different.mean() < 1e-3  # float32 lands on the other side of a whole number now and then ...
    assert np.abs(levels - authors)[different].max(initial=0) <= 1  # ... and then one level off


def test_baseline_0400_pixels_after_remove_offset_equal_older_ones():
    old = torch.randint(0, 9000, (13, 4, 4))
    new = (old + 1000).to(torch.uint16)
    steps = normalization_for("softcon_s2")
    shifted = [{"op": "remove_offset", "value": 1000}, *steps]
    torch.testing.assert_close(Normalize(shifted, L1C)(new), Normalize(steps, L1C)(old))


def test_zscore_gives_mean_0_and_std_1():
    table = STATISTICS["eurosat-ms"]
    mean, std = (torch.tensor([table[kind][band] for band in L1C]) for kind in ("mean", "std"))
    noise = torch.randn(13, 10000)
    noise = (noise - noise.mean(1, keepdim=True)) / noise.std(1, keepdim=True)
    x = (noise * std[:, None] + mean[:, None]).view(13, 100, 100)
    torch.testing.assert_close(Normalize(standardize_by(table), L1C)(x).flatten(1), noise, atol=2e-3, rtol=0)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_every_name_gives_steps_that_travel_as_json(name):
    steps = normalization_for(name)
    assert json.loads(json.dumps(steps)) == steps
    bands = next((tuple(value) for step in steps for value in step.values() if isinstance(value, dict)), ("R",))
    assert Normalize(steps, bands)(torch.zeros(len(bands), 2, 2)).isfinite().all()


def test_a_bare_table_is_its_zscore():
    assert normalization_for("eurosat-rgb") == normalization_for("zscore:eurosat-rgb")
    assert normalization_for("softcon_s2") == normalization_for("softcon:ssl4eo-s12-l1c")


def test_steps_given_out_are_copies():
    normalization_for("rgb01")[0]["scale"] = 3
    normalization_for("eurosat-rgb")[0]["mean"]["R"] = 0
    assert normalization_for("rgb01")[0]["scale"] == 1 / 255
    assert STATISTICS["eurosat-rgb"]["mean"]["R"] > 0


def test_weights_carry_their_own_steps():
    class Weights:
        normalization = ({"op": "floor"},)

        def __repr__(self):
            return "my_weights"

    assert normalization_for(Weights()) == [{"op": "floor"}]
    Weights.normalization = None
    with pytest.raises(ValueError, match="my_weights carries no normalization; name one of softcon_s2"):
        normalization_for(Weights())


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="unknown normalization 'softcon-s2'; nearest known: softcon_s2"):
        normalization_for("softcon-s2")
    with pytest.raises(ValueError, match=r"nearest known: .*zscore:eurosat-rgb"):
        normalization_for("zscore:eurosat_rgb")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"op": "standardise", "mean": 0, "std": 1}, "unknown normalization step 'standardise' .* standardize"),
        ({"scale": 1}, "unknown normalization step None"),
        ({"op": "affine", "scale": 1}, "step 'affine' needs 'offset'"),
        ({"op": "affine", "scale": 1, "offset": 0, "shift": 1}, "no parameter 'shift'; it takes scale, offset"),
        ({"op": "floor", "to": 1}, "no parameter 'to'; it takes none"),
        ({"op": "clip", "min": 0, "max": {"VV": 1}}, "clip.max has no value for band 'VH'; it has VV"),
        ({"op": "clip", "min": 0, "max": "1"}, "clip.max must be a finite number .* got '1'"),
        ({"op": "clip", "min": 0, "max": {"VV": 1, "VH": float("nan")}}, r"clip.max\['VH'\] must be a finite number"),
        ({"op": "clip", "min": True, "max": 1}, "clip.min must be a finite number .* got True"),
        ({"op": "standardize", "mean": 0, "std": {"VV": 1, "VH": 0}}, "standardize.std must be greater than 0"),
        ({"op": "quantile_clip", "low": 1, "high": 99}, "wants quantiles between 0 and 1"),
    ],
)
def test_a_wrong_step_is_refused_when_it_is_made(step, message):
    with pytest.raises(ValueError, match=message):
        Normalize([step], ("VV", "VH"))


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 13, 4, 4), (2, 4), ()])
def test_wrong_channels_are_answered_with_the_bands_expected(shape):
    with pytest.raises(ValueError, match=r"expected 2 channels \(VV, VH\) in \(\.\.\., C, H, W\), got shape"):
        run([], torch.zeros(shape))


def test_it_prints_pickles_and_moves_without_entering_checkpoints():
    normalize = Normalize(normalization_for("softcon_s1"), ("VV", "VH"))
    assert "affine -> clip -> floor -> affine, bands=VV,VH" in repr(normalize)
    assert normalize.state_dict() == {}
    x = torch.randn(2, 3, 3) * 10 - 15
    torch.testing.assert_close(pickle.loads(pickle.dumps(normalize))(x), normalize(x))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 65535), min_size=4, max_size=4), st.floats(1, 5000), st.floats(1, 3000))
def test_uint16_is_never_wrapped(values, mean, std):
    x = torch.tensor(values, dtype=torch.int32).to(torch.uint16).view(1, 2, 2)
    out = Normalize([{"op": "standardize", "mean": mean, "std": std}], ("B02",))(x)
    expected = (np.array(values, np.float64) - mean) / std
    np.testing.assert_allclose(out.flatten().numpy(), expected, rtol=1e-5, atol=1e-4)


def test_ssltransformerrs_clips_lifts_and_makes_the_greatest_value_one():
    steps = normalization_for("ssltransformerrs")
    radar = torch.tensor([[[-30.0, -20.0], [-5.0, 3.0]], [[-25.0, -25.0], [-25.0, -25.0]]])
    found = Normalize(steps, ("VV", "VH"))(radar)
    torch.testing.assert_close(found[0], torch.tensor([[0.0, 5.0], [20.0, 25.0]]) / (25 + 1e-5))
    assert not found[1].any()
    optical = torch.tensor([[[500, 12_000], [0, 2_500]]], dtype=torch.int32).to(torch.uint16)
    found = Normalize(steps, ("B10",))(optical)
    torch.testing.assert_close(found[0], torch.tensor([[500.0, 10_000], [0, 2_500]]) / (10_000 + 1e-5))


def test_ssltransformerrs_takes_the_maximum_of_the_crop():
    whole = torch.tensor([[[100.0, 200], [400, 800]]])
    normalize = Normalize(normalization_for("ssltransformerrs"), ("B02",))
    assert not torch.allclose(normalize(whole)[..., :1, :], normalize(whole[..., :1, :]))


def on_values(name, band, values, dtype):
    pixels = torch.tensor(values, dtype=dtype).view(1, 1, -1)
    return Normalize(normalization_for(name), [band])(pixels).flatten()


@pytest.mark.parametrize(
    ("case", "name"), [("bigearthnet_normalize", "seco_bigearthnet"), ("oscd_normalize", "seco_oscd")]
)
def test_seco_feeds_its_tasks_whole_numbers_over_255(rule, case, name):
    case = rule(case)
    for band, expected in case["outputs"].items():
        found = on_values(name, band, case["input"]["dn"], torch.int32) * 255
        torch.testing.assert_close(found, torch.tensor(expected).float(), atol=1e-4, rtol=0)


def test_seco_feeds_its_pretraining_by_imagenet(rule):
    case = rule("seco_normalize")
    for band, expected in case["outputs"].items():
        found = on_values("seco", f"B0{band[1:]}", case["input"]["raw_uint8"], torch.uint8)
        torch.testing.assert_close(found, torch.tensor(expected["model_input"]), atol=1e-6, rtol=0)


def test_seco_from_digital_numbers_is_seco_from_its_own_8_bits(rule):
    case = rule("downloader_quantize")
    for band in ("B02", "B03", "B04"):
        stored = on_values("seco", band, case["outputs"]["uint8"], torch.uint8)
        assert torch.equal(on_values("seco_dn", band, case["input"]["dn"], torch.int32), stored)


def test_stretching_truncates_in_float32_as_in_whole_numbers():
    values = torch.arange(12001)
    for black, white in ((885, 2620), (667, 2969), (426, 3698), (0, 10000), (3, 88), (2, 103)):
        exact = ((values - black) * 255).div(white - black, rounding_mode="floor").clamp(0, 255)
        found = Normalize(stretch_steps(black, white - black), ["B04"])(values.int().view(1, 1, -1)).flatten()
        assert torch.equal(found, exact.float())
