"""Images at native resolution: which bands each of them holds, and how they come to one grid on the device."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_data.sensors import SENSORS


def native_images(key: str, sensor: str, bands: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The images that stand in a sample at native resolution instead of `key`, and the bands of each in channel order.

    Args:
        key: `image`, `s1` or `s2`.
        sensor: Whose bands.
        bands: Canonical names, in the order in which they are to come together again.

    Returns:
        Such as `{"image_10m": ("B02", "B03"), "image_60m": ("B01",)}`, finest first.
    """
    resolutions = {band: SENSORS[sensor].band(band).resolution for band in bands}
    return {
        f"{key}_{native}m": tuple(band for band in bands if resolutions[band] == native)
        for native in sorted(set(resolutions.values()))
    }


def on_one_grid(images: Mapping[str, Tensor], groups: Mapping[str, Sequence[str]], bands: Sequence[str]) -> Tensor:
    """Images at native resolution as one on the finest of their grids.

    What `resolution=10` reads from the files, but for the rounding to whole numbers: bilinear, pixel borders aligned.

    Args:
        images: (..., C_i, H_i, W_i), as stored, under the keys of `groups`.
        groups: The bands of each, as `native_images` gives them.
        bands: Order of the channels to be.

    Returns:
        (..., C, H, W) float32.
    """
    stored = [images[name] for name in groups]
    height, width = max(image.shape[-2:] for image in stored)
    resized = [_resized(image.to(torch.float32), height, width) for image in stored]
    planes = {
        band: plane
        for group, image in zip(groups.values(), resized, strict=True)
        for band, plane in zip(group, image.unbind(-3), strict=True)
    }
    return torch.stack([planes[band] for band in bands], dim=-3)


def _resized(image: Tensor, height: int, width: int) -> Tensor:
    if image.shape[-2:] == (height, width):
        return image
    flat = image.flatten(0, -4) if image.ndim > 3 else image[None]
    return F.interpolate(flat, (height, width), mode="bilinear").view(*image.shape[:-2], height, width)
