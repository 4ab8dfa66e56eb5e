import pytest
import torch

from eo_models import create_model, save_backbone

RGB = ("R", "G", "B")


@pytest.fixture(scope="module")
def multi():
    torch.manual_seed(0)
    return create_model("multi_resnet50", bands=RGB, sensor="rgb").eval()


@torch.no_grad()
def test_maps_are_the_greatest_values_over_the_images(multi):
    x = torch.randn(2, 3, 3, 40, 33)
    each = [multi.single.forward_maps(x[:, t]) for t in range(3)]
    for level, found in enumerate(multi.forward_maps(x)):
        torch.testing.assert_close(found, torch.stack([maps[level] for maps in each]).amax(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(multi(x), multi.forward_maps(x)[-1].mean(dim=(2, 3)))


@torch.no_grad()
def test_images_may_be_stacked_along_the_channels(multi):
    x = torch.randn(1, 2, 3, 32, 32)
    torch.testing.assert_close(multi(x.flatten(1, 2)), multi(x))
    torch.testing.assert_close(multi(x[:, 0]), multi.single(x[:, 0]))  # one image is the plain backbone


@torch.no_grad()
def test_images_past_the_eighth_are_ignored_with_a_warning(multi):
    x = torch.randn(1, 10, 3, 32, 32)
    with pytest.warns(UserWarning, match="looks at 8 images, as its authors' code does: images 9 to 10 are ignored"):
        found = multi(x)
    torch.testing.assert_close(found, multi(x[:, :8]))


@pytest.mark.parametrize("shape", [(1, 4, 32, 32), (1, 2, 4, 32, 32), (3, 32, 32), (1, 0, 3, 32, 32), (1, 0, 32, 32)])
def test_other_shapes_are_refused(multi, shape):
    with pytest.raises(ValueError, match=r"takes \(B, T, 3, H, W\) or \(B, T\*3, H, W\) with the bands R G B, got"):
        multi(torch.zeros(shape))


def test_raw_pixels_are_refused(multi):
    with pytest.raises(ValueError, match="takes normalized floats, got raw torch.uint8 pixels"):
        multi(torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8))


@torch.no_grad()
def test_a_run_comes_back_as_it_was(multi, tmp_path):
    save_backbone(multi, tmp_path)
    x = torch.randn(1, 6, 32, 32)
    torch.testing.assert_close(create_model(tmp_path)(x), multi(x))
