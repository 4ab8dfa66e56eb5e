"""The views against loops over samples with torchvision, their randomness, and their errors."""

import json
from dataclasses import asdict

import pytest
import torch
import torchvision.transforms.v2.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from eo_train.views import ViewConfig, Views, geometry
from eo_train.views.colour import colour_matrix, jitter, mix_bands
from eo_train.views.geometry import apply_separable, blur_matrix, draw_crops, resize_matrix

STILL = ViewConfig(
    scale=(1.0, 1.0), ratio=(1.0, 1.0), hflip=0, vflip=0, transpose=0, jitter=0, grayscale=0, blur=0
)  # the view is the image
S2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")


def images(batch: int = 4, bands: int = 3, height: int = 24, width: int = 24, seed: int = 0) -> Tensor:
    return torch.randn(batch, bands, height, width, generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(**options: object) -> ViewConfig:
    return ViewConfig(**(asdict(STILL) | options))


@pytest.mark.parametrize("size", [8, 24, 40])
@pytest.mark.parametrize(("height", "width"), [(24, 24), (30, 20)])
def test_a_crop_equals_torchvisions(height: int, width: int, size: int) -> None:
    x = images(8, 2, height, width)
    crops = draw_crops(8, height, width, (0.1, 1.0), (0.5, 2.0), generator())
    top, left, h, w = crops.unbind(1)
    no = torch.zeros(8, dtype=torch.bool)
    got = apply_separable(x, resize_matrix(top, h, no, height, size), resize_matrix(left, w, no, width, size))
    for image, crop, view in zip(x, crops.int().tolist(), got, strict=True):
        expected = TF.resized_crop(image, *crop, size=[size, size], antialias=True)
        torch.testing.assert_close(view, expected, atol=1e-5, rtol=1e-4)


def test_crops_are_distributed_as_torchvisions() -> None:
    crops = draw_crops(4000, 64, 48, (0.25, 0.5), (3 / 4, 4 / 3), generator())
    top, left, h, w = crops.unbind(1)
    assert (crops >= 0).all()
    assert (top + h <= 64).all()
    assert (left + w <= 48).all()
    share = h * w / (64 * 48)
    assert share.min() > 0.22
    assert share.max() < 0.53  # whole pixels blur the border a little
    assert abs(share.mean() - 0.375) < 0.01
    assert len(crops.unique(dim=0)) > 1500


def test_crops_that_cannot_fit_fall_back_to_the_centre() -> None:
    crops = draw_crops(3, 10, 100, (1.0, 1.0), (1.0, 1.0), generator())
    assert crops.tolist() == [[0, 45, 10, 10]] * 3


@pytest.mark.parametrize(("option", "expected"), [("hflip", TF.hflip), ("vflip", TF.vflip), ("transpose", None)])
def test_orientations_equal_torchvisions(option: str, expected: object) -> None:
    x = images()
    got = Views(only(**{option: 1.0}), 24, "RGB")(x, generator())
    torch.testing.assert_close(got, expected(x) if callable(expected) else x.transpose(2, 3))


def test_all_eight_orientations_occur() -> None:
    x = images(1).expand(200, -1, -1, -1)
    got = Views(only(hflip=0.5, vflip=0.5, transpose=0.5), 24, "RGB")(x, generator())
    counts = got.flatten(1).round(decimals=4).unique(dim=0, return_counts=True)[1]
    assert len(counts) == 8
    assert counts.min() >= 10


def test_without_options_the_view_is_the_image() -> None:
    x = images(bands=13)
    torch.testing.assert_close(Views(STILL, 24, S2)(x, generator()), x)


@pytest.mark.parametrize("bands", [("VV", "VH"), ("R", "G", "B"), S2])
def test_shape_dtype_and_memory(bands: tuple[str, ...]) -> None:
    view = Views(ViewConfig(), 16, bands)(images(5, len(bands), 30, 22), generator())
    assert view.shape == (5, len(bands), 16, 16)
    assert view.dtype == torch.float32
    assert view.is_contiguous(memory_format=torch.channels_last)


def test_channels_last_input_gives_the_same_view() -> None:
    x = images()
    views = Views(ViewConfig(), 16, "RGB")
    given = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(views(given, generator()), views(x, generator()))


def test_the_generator_decides_everything() -> None:
    x, views = images(), Views(ViewConfig(hue=0.1, saturation=0.4, band_gain=0.1), 16, "RGB")
    first = generator()
    a, b = views(x, first), views(x, first)
    assert not torch.equal(a, b)
    second = generator()
    views(x, second)
    restored = generator(9)
    restored.set_state(second.get_state())  # as a resumed run does
    torch.manual_seed(123)
    assert torch.equal(views(x, restored), b)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": (0.2, 1.0)},
        {"jitter": 1.0, "brightness": 0.4},
        {"jitter": 1.0, "contrast": 0.4},
        {"jitter": 1.0, "band_gain": 0.4},
        {"jitter": 1.0, "hue": 0.4},
        {"jitter": 1.0, "saturation": 0.4},
        {"blur": 1.0},
    ],
    ids=lambda options: next(reversed(options)),
)
def test_every_sample_has_its_own_parameters(options: dict[str, object]) -> None:
    x = images(1).expand(6, -1, -1, -1)
    off = {"brightness": 0.0, "contrast": 0.0}
    got = Views(only(**(off | options)), 24, "RGB")(x, generator())
    assert len(got.flatten(1).unique(dim=0)) == 6
    assert not torch.allclose(got[0], x[0])


def test_jitter_equals_the_loop() -> None:
    x = images(3, 5)
    gain, contrast = torch.rand(3, 5) + 0.5, torch.rand(3) + 0.5
    got = jitter(x, gain, contrast, black=-2.0)
    for image, g, c, view in zip(x, gain, contrast, got, strict=True):
        bright = -2.0 + g[:, None, None] * (image + 2.0)
        torch.testing.assert_close(view, bright.mean() + c * (bright - bright.mean()))


def test_brightness_on_unit_scaled_input_equals_torchvisions() -> None:
    x = images(1).sigmoid() * 0.5  # no value is clipped at factors up to 1.5
    for factor in (0.7, 1.3):
        got = jitter(x, torch.full((1, 3), factor), torch.ones(1))
        torch.testing.assert_close(got, TF.adjust_brightness(x, factor))


@settings(max_examples=30, deadline=None)
@given(black=st.floats(-3, 3), factor=st.floats(0.1, 2))
def test_an_image_at_black_stays_black(black: float, factor: float) -> None:
    x = torch.full((2, 4, 3, 3), black)
    torch.testing.assert_close(jitter(x, torch.full((2, 4), factor), torch.full((2,), factor), black=black), x)


def test_saturation_equals_torchvisions_and_grey_stays_grey() -> None:
    x = images(2).sigmoid() * 0.3 + 0.35
    for factor in (0.5, 1.3):
        matrix = colour_matrix(torch.full((2,), factor), torch.zeros(2))
        torch.testing.assert_close(mix_bands(x, matrix), TF.adjust_saturation(x, factor), atol=1e-3, rtol=0)
    grey = x.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(mix_bands(grey, colour_matrix(torch.rand(2), torch.rand(2))), grey)


def test_a_full_turn_of_the_hue_changes_nothing_and_a_third_turns_red_green() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    one = torch.ones(1)
    torch.testing.assert_close(mix_bands(red, colour_matrix(one, one)), red, atol=1e-5, rtol=0)
    third = {
        turns: mix_bands(red, colour_matrix(one, one * turns)).flatten().argmax().item() for turns in (1 / 3, 2 / 3)
    }
    assert sorted(third.values()) == [1, 2]


def test_blur_equals_torchvisions_away_from_the_border() -> None:
    x, sigma = images(2, 3, 40, 40), torch.tensor([0.8, 1.7])
    kernel = blur_matrix(sigma, 40)
    got = apply_separable(x, kernel, kernel)
    for image, s, view in zip(x, sigma.tolist(), got, strict=True):
        expected = TF.gaussian_blur(image, [23, 23], [s, s])
        torch.testing.assert_close(view[:, 12:-12, 12:-12], expected[:, 12:-12, 12:-12], atol=1e-5, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(sigma=st.floats(0, 5), size=st.integers(1, 30), start=st.integers(0, 9), length=st.integers(1, 20))
def test_rows_sum_to_one_so_a_flat_image_stays_flat(sigma: float, size: int, start: int, length: int) -> None:
    flip = torch.tensor([start % 2 == 0])
    resize = resize_matrix(torch.tensor([float(start)]), torch.tensor([float(length)]), flip, 30, size)
    for matrix in (resize, blur_matrix(torch.tensor([sigma]), size)):
        torch.testing.assert_close(matrix.sum(-1), torch.ones(1, size))
        assert (matrix >= 0).all()


def test_grayscale_is_the_mean_of_the_bands() -> None:
    x = images(2, 5)
    got = Views(only(grayscale=1.0), 24, ("a", "b", "c", "d", "e"))(x, generator())
    torch.testing.assert_close(got, x.mean(1, keepdim=True).expand_as(x))


def test_the_probability_is_a_share_of_samples() -> None:
    x = images(400, 2, 4, 4)
    got = Views(only(grayscale=0.25), 4, ("VV", "VH"))(x, generator())
    share = (got[:, 0] == got[:, 1]).flatten(1).all(1).float().mean()
    assert 0.18 < share < 0.32


def test_float64_and_bfloat16_pass_through() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        view = Views(ViewConfig(), 8, "RGB")(images().to(dtype), generator())
        assert view.dtype == dtype
        assert view.isfinite().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_does_not_change_the_view() -> None:
    x, views = images(), Views(ViewConfig(hue=0.1, saturation=0.4), 16, "RGB")
    torch.testing.assert_close(views(x.cuda(), generator()).cpu(), views(x, generator()), atol=1e-4, rtol=1e-4)


def test_options_survive_json() -> None:
    config = ViewConfig(scale=(0.3, 0.9), band_gain=0.1)
    read = json.loads(json.dumps(asdict(config)))
    assert ViewConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in read.items()}) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hflip": 1.5}, r"hflip=1\.5 is a probability"),
        ({"grayscale": -0.1}, r"grayscale=-0\.1 is a probability"),
        ({"brightness": 2.0}, r"brightness=2\.0 spreads a factor round 1"),
        ({"hue": 0.6}, r"hue=0\.6 is in turns"),
        ({"scale": (0.0, 1.0)}, r"scale=\(0\.0, 1\.0\) must satisfy 0 < low"),
        ({"scale": (0.2, 1.2)}, r"high <= 1"),
        ({"ratio": (2.0, 1.0)}, r"ratio=\(2\.0, 1\.0\) must satisfy"),
        ({"blur_sigma": (0.0, 1.0)}, r"blur_sigma=\(0\.0, 1\.0\) must satisfy"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ViewConfig(**options)


def test_hue_on_other_bands_than_rgb() -> None:
    with pytest.raises(ValueError, match=r"need the bands R, G, B, got VV, VH; set both to 0"):
        Views(ViewConfig(hue=0.1), 8, ("VV", "VH"))


def test_bad_input() -> None:
    views = Views(ViewConfig(), 8, ("VV", "VH"))
    with pytest.raises(ValueError, match=r"want \(B, 2, H, W\) for the bands VV, VH, got \(4, 3, 24, 24\)"):
        views(images(), generator())
    with pytest.raises(ValueError, match=r"got torch\.uint8; run eo_data\.Normalize first"):
        views(images(bands=2).to(torch.uint8), generator())
    with pytest.raises(ValueError, match="at least one pixel, got size=0"):
        Views(ViewConfig(), 0, "RGB")


def test_a_generator_elsewhere_than_the_cpu() -> None:
    class Elsewhere:
        device = torch.device("cuda:0")

    with pytest.raises(ValueError, match=r"draw on the CPU, got a generator on cuda:0"):
        Views(ViewConfig(), 8, "RGB")(images(), Elsewhere())


@pytest.mark.parametrize("size", [96, 130])
def test_large_views_leave_out_the_zeros_and_nothing_else(size):
    torch.manual_seed(0)
    x = torch.randn(5, 2, 150, 140)
    start, length = torch.tensor([0.0, 10, 3, 100, 60]), torch.tensor([140.0, 100, 1, 40, 33])
    flip = torch.tensor([True, False, True, False, True])
    rows = geometry.resize_matrix(start, length, flip, 150, size)
    columns = geometry.resize_matrix(start, length, ~flip, 140, size)
    blurred = geometry.blur_matrix(torch.tensor([0.1, 0.5, 1.0, 2.0, 9.0]), size) @ rows
    for matrix in (rows, blurred):
        expected = torch.einsum("bsh,bchw,btw->bcst", matrix.double(), x.double(), columns.double())
        torch.testing.assert_close(geometry.apply_separable(x, matrix, columns), expected.float(), rtol=0, atol=3e-6)
        torch.testing.assert_close(geometry._dense(x, matrix, columns), expected.float(), rtol=0, atol=3e-6)
    assert geometry.apply_separable(x, rows, columns).is_contiguous(memory_format=torch.channels_last)
