import numpy as np
import pytest
import torch

from eo_data import EuroSAT, Normalize, compute_statistics, standardize_by


class Images:
    """A data set of dicts that is not one of ours."""

    bands = ("VV", "VH")

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return {"image": self.images[index], "other": self.images[index][..., :1, :, :]}


@pytest.fixture
def images():
    """Of different sizes, one with a leading axis."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 5, 7), (3, 2, 4, 4), (2, 1, 1)]
    return [torch.randn(shape, generator=generator) * 3 - 12 for shape in shapes]


def test_exact_over_all_pixels_of_all_images(images):
    found = compute_statistics(Images(images))
    pixels = torch.cat([image.double().movedim(-3, 0).flatten(1) for image in images], dim=1)
    for index, band in enumerate(("VV", "VH")):
        assert found["mean"][band] == pytest.approx(pixels[index].mean().item(), rel=1e-12)
        assert found["std"][band] == pytest.approx(pixels[index].std(correction=0).item(), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int16, torch.float64])
def test_any_dtype(dtype):
    image = torch.tensor([[[1, 3]], [[100, 100]]]).to(dtype)
    assert compute_statistics(Images([image])) == {"mean": {"VV": 2, "VH": 100}, "std": {"VV": 1, "VH": 0}}


def test_no_cancellation_far_from_zero():
    values = 1e9 + np.arange(4.0)
    image = torch.from_numpy(np.stack([values, values])).view(2, 2, 2)
    found = compute_statistics(Images([image] * 50))
    assert found["std"]["VV"] == pytest.approx(np.arange(4).std(), rel=1e-6)


def test_the_draw_is_seeded_and_without_replacement():
    numbers = Images([torch.full((2, 1, 1), float(2**index)) for index in range(20)])
    first = compute_statistics(numbers, samples=5, seed=1)
    assert first == compute_statistics(numbers, samples=5, seed=1)
    assert first != compute_statistics(numbers, samples=5, seed=2)
    assert bin(round(first["mean"]["VV"] * 5)).count("1") == 5
    assert compute_statistics(numbers, samples=None) == compute_statistics(numbers, samples=99)


def test_another_key_and_other_bands(images):
    assert compute_statistics(Images(images), key="other", bands=["VV"])["mean"].keys() == {"VV"}


def test_two_sensors_by_key(ssl4eo):
    from eo_data import SSL4EOS12

    found = compute_statistics(SSL4EOS12(ssl4eo, product=("s1", "s2c")), key="s1")
    assert found["mean"].keys() == {"VV", "VH"}


def test_what_it_finds_standardizes(eurosat_rgb):
    dataset = EuroSAT(eurosat_rgb, "train", bands=["R", "G"])
    normalize = Normalize(standardize_by(compute_statistics(dataset)), dataset.bands)
    x = normalize(torch.stack([sample["image"] for sample in dataset]))
    torch.testing.assert_close(x.mean(dim=(0, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std(dim=(0, 2, 3)), torch.ones(2), atol=1e-4, rtol=0)


def test_bad_input_is_named(images):
    with pytest.raises(ValueError, match="at least one image, got 1000 of 0"):
        compute_statistics(Images([]))
    with pytest.raises(ValueError, match=r"expected 3 channels \(R, G, B\), sample 0 has 'image' of shape \(2, 5, 7\)"):
        compute_statistics(Images(images), bands=["R", "G", "B"])
    with pytest.raises(ValueError, match="sample 0 has no 's2'; it has image, other"):
        compute_statistics(Images(images), key="s2")
    images[1][0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="sample 1 has NaN or infinite pixels in 'image'"):
        compute_statistics(Images(images))
    with pytest.raises(ValueError, match="list does not name its bands; pass bands="):
        compute_statistics([{"image": images[0]}])
