"""Brightness, contrast, band gains, saturation and hue, each an affine map of a pixel's bands."""

import math

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in torchvision
TO_YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def jitter(x: Tensor, gain: Tensor, contrast: Tensor, *, black: float = 0.0, out: Tensor | None = None) -> Tensor:
    """Gains round `black`, then contrast round the image's own mean over bands and pixels.

    Args:
        x: Normalized images, (B, C, H, W).
        gain: Factor of each band, (B, C).
        contrast: Factor of each image, (B,).
        black: Value that a gain leaves alone.
        out: Where to write the result, `x` itself perhaps: fresh memory takes as long as the arithmetic.

    Returns:
        (B, C, H, W); both steps are folded into one multiplication and one addition per pixel.
    """
    offset = black * (1 - gain)  # (B, C)
    mean = (gain * x.mean(dim=(2, 3)) + offset).mean(dim=1)  # (B,), of the brightened image
    scale = contrast[:, None] * gain
    offset = contrast[:, None] * offset + ((1 - contrast) * mean)[:, None]
    return torch.addcmul(offset[..., None, None], x, scale[..., None, None], out=out)


def colour_matrix(saturation: Tensor, hue: Tensor) -> Tensor:
    """Saturation and hue as one matrix per sample on (R, G, B); grey stays as it is.

    The hue is turned in the YIQ plane, which is linear and so has a meaning on normalized values too, as long as the
    three bands were normalized alike. (torchvision turns it in HSV, which wants values in [0, 1].)

    Args:
        saturation: Factor on the distance from the luma, (B,).
        hue: Turns, (B,).

    Returns:
        (B, 3, 3); multiply a column (R, G, B) from the left.
    """
    to_yiq = torch.tensor(TO_YIQ, dtype=saturation.dtype, device=saturation.device)
    to_yiq[1:] -= to_yiq[1:].mean(dim=1, keepdim=True)  # the rounded constants leave grey a trace of chroma
    zero, one = torch.zeros_like(hue), torch.ones_like(hue)
    cos, sin = saturation * torch.cos(math.tau * hue), saturation * torch.sin(math.tau * hue)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(-1, 3, 3)
    from_yiq: Tensor = torch.linalg.inv(to_yiq)
    return from_yiq @ turn @ to_yiq


def mix_bands(x: Tensor, matrix: Tensor) -> Tensor:
    """`matrix @ pixel` for every pixel: x (B, C, H, W), matrix (B, C, C); channels-last memory stays so."""
    pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H*W, C)
    mixed = torch.bmm(pixels, matrix.transpose(1, 2))
    return mixed.view(x.shape[0], *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)
