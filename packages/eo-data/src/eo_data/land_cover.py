"""Land-cover schemes of SEN12MS and DFC2020, and labels of an image from its map."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

IGNORE = 255
"""The value of a mask, and the label of an image, that belongs to none of the classes or is not known."""
DFC_CLASSES = ("Forest", "Shrubland", "Grassland", "Wetlands", "Croplands", "Urban/Built-up", "Barren", "Water")
"""The eight classes that DFC2020 scores, in the order of their labels."""
IGBP_TO_DFC = np.array([0, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 6, 8, 9, 10], np.uint8)
"""From the 17 classes of IGBP (0: none) to the ten of DFC2020, which are numbered from 1 (0: none)."""
DFC_TO_LABEL = np.array([IGNORE, 0, 1, IGNORE, 2, 3, 4, 5, IGNORE, 6, 7], np.uint8)
"""From the ten to the eight: none, Savanna (3) and Snow/Ice (8) are ignored."""
_SCHEMES = {"dfc": DFC_TO_LABEL, "lc": DFC_TO_LABEL[IGBP_TO_DFC]}


def training_mask(values: npt.NDArray[np.generic], *, product: str, path: Path) -> Tensor:
    """A stored map as labels 0 to 7 and `IGNORE`.

    Args:
        values: (H, W) as stored.
        product: `dfc` (0 to 10) or `lc` (IGBP, 0 to 17).
        path: Named when a value is out of range.

    Returns:
        (H, W) int64.
    """
    scheme = _SCHEMES[product]
    wrong = np.setdiff1d(values, np.arange(len(scheme)))
    if wrong.size:
        raise ValueError(
            f"{path}: class {', '.join(f'{value:g}' for value in wrong[:4])} out of range; "
            f"{product} maps hold whole numbers from 0 to {len(scheme) - 1}"
        )
    return torch.from_numpy(scheme[values.astype(np.intp)].astype(np.int64))


def majority(mask: Tensor) -> Tensor:
    """The commonest value of a mask, int64 scalar: `IGNORE` competes like any class, ties go to the smaller."""
    return torch.bincount(mask.flatten(), minlength=IGNORE + 1).argmax()


def multi_hot(mask: Tensor, *, classes: int = len(DFC_CLASSES), share: float = 0.1) -> Tensor:
    """1 for each class that covers at least `share` of all pixels, ignored ones included: (K,) float32."""
    return (torch.bincount(mask.flatten(), minlength=IGNORE + 1)[:classes] / mask.numel() >= share).float()
