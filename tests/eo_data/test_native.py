import torch

from eo_data import SSL4EOS12, native_images, on_one_grid


def test_bands_by_resolution_in_the_order_of_the_data():
    groups = native_images("s2", "sentinel2-l1c", ["B8A", "B04", "B01", "B02", "B05"])
    assert groups == {"s2_10m": ("B04", "B02"), "s2_20m": ("B8A", "B05"), "s2_60m": ("B01",)}
    assert list(groups) == ["s2_10m", "s2_20m", "s2_60m"]


def test_one_grid_is_what_the_files_give_on_it_but_for_rounding(real_data):
    root = real_data / "ssl4eo_s12_like"
    native, fine = (SSL4EOS12(root, seasons=1, resolution=resolution) for resolution in ("native", 10))
    groups = native_images("image", native.sensor, native.bands)
    got = on_one_grid(native[1], groups, native.bands)
    assert got.dtype == torch.float32
    assert got.shape == fine[1]["image"].shape
    assert (got - fine[1]["image"].float()).abs().max() <= 0.501


def test_batches_and_single_images():
    images = {"image_10m": torch.rand(3, 2, 1, 4, 4), "image_20m": torch.rand(3, 2, 2, 2, 2)}
    groups, bands = {"image_10m": ("B02",), "image_20m": ("B05", "B06")}, ("B06", "B02", "B05")
    whole = on_one_grid(images, groups, bands)
    assert whole.shape == (3, 2, 3, 4, 4)
    assert torch.equal(whole[:, :, 1], images["image_10m"][:, :, 0])
    single = on_one_grid({name: image[1, 1] for name, image in images.items()}, groups, bands)
    assert torch.equal(single, whole[1, 1])
