"""Small pictures of samples, for people: true colour where the bands allow it, stretched alike over all of them."""

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

SIDE = 64
_TRUE_COLOUR = (("R", "G", "B"), ("TCI_R", "TCI_G", "TCI_B"), ("B04", "B03", "B02"), ("B4", "B3", "B2"))
_GREY = ("VV", "VH")


def shown_bands(bands: Sequence[str]) -> tuple[str, ...]:
    """Which three bands, or which one, make the picture."""
    colour = next((names for names in _TRUE_COLOUR if set(names) <= set(bands)), None)
    return colour or (next((name for name in _GREY if name in bands), bands[0]),)


def thumbnails(
    dataset: Dataset[Any], source: Tensor, *, bands: Sequence[str], side: int = SIDE, alike: bool = True
) -> Tensor:
    """Pictures of chosen rows.

    Args:
        dataset: Gives samples with `image`, (C, H, W) or (T, C, H, W); of two sensors `s2` is shown.
        source: (M, 2) index of the sample, season.
        bands: Canonical names of the image's channels.
        side: Pixels along each side of a picture.
        alike: Stretch all pictures alike; else each as shows most of it.

    Returns:
        (M, 3, side, side) uint8. 8-bit pictures as they are; anything else stretched alike, band by band, so that one
        picture can be compared with the next.
    """
    channels = [list(bands).index(name) for name in shown_bands(bands)]
    sample = lru_cache(maxsize=1)(lambda index: picture_of(dataset[index]))  # its seasons follow it
    small = torch.stack([_small(sample(index), season, channels, side) for index, season in source.tolist()])
    if "R" not in bands or small.max() <= 1:
        small = _stretched(small) if alike else torch.cat([_stretched(picture[None]) for picture in small])
    return small.expand(-1, 3, -1, -1).round().clamp(0, 255).to(torch.uint8)


def picture_of(sample: Mapping[str, Any]) -> Tensor:
    """The image of a sample that a person can make most of."""
    return torch.as_tensor(sample["image"] if "image" in sample else sample["s2"])


def contact_sheet(pictures: Tensor, *, columns: int) -> bytes:
    """Pictures (M, 3, S, S) side by side in one JPEG, `columns` to a line."""
    side = pictures.shape[-1]
    lines = -(-len(pictures) // columns)
    blank = pictures.new_zeros(lines * columns - len(pictures), *pictures.shape[1:])
    sheet = torch.cat([pictures, blank]).view(lines, columns, 3, side, side).permute(0, 3, 1, 4, 2)
    file = io.BytesIO()
    Image.fromarray(sheet.reshape(lines * side, columns * side, 3).numpy()).save(file, "JPEG", quality=80)
    return file.getvalue()


def _stretched(pictures: Tensor) -> Tensor:
    """From a dark picture's 2nd percentile to a bright one's 98th: snow and clouds in a few leave the rest visible."""
    ordered = pictures.flatten(2).sort(2).values  # (M, C, pixels)
    own_low, own_high = (ordered[:, :, int(q * (ordered.shape[2] - 1))] for q in (0.02, 0.98))
    low, high = own_low.quantile(0.25, dim=0).view(1, -1, 1, 1), own_high.quantile(0.75, dim=0).view(1, -1, 1, 1)
    return (pictures - low) / (high - low).clamp_min(1e-6) * 255


def _small(image: Tensor, season: int, channels: list[int], side: int) -> Tensor:
    image = image[season] if image.ndim == 4 else image
    chosen = torch.stack([image[channel] for channel in channels]).float()
    return F.interpolate(chosen[None], size=(side, side), mode="bilinear", antialias=True)[0]
