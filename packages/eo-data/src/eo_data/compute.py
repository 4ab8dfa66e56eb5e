"""Statistics of one's own data, in one pass."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from eo_data.progress import track
from eo_data.statistics import Statistics


class Samples(Protocol):
    """Any data set of dicts, of this package, of TorchGeo or of one's own."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, object]: ...


def compute_statistics(
    dataset: Samples,
    *,
    key: str = "image",
    bands: Sequence[str] | None = None,
    samples: int | None = 1000,
    seed: int = 0,
) -> Statistics:
    """Mean and standard deviation of every band over all pixels of a sample of images, exact in float64.

    Args:
        dataset: Gives dicts that hold pixels (..., C, H, W) under `key`, of any size and dtype.
        key: Where the pixels are.
        bands: Names of the channels; default `dataset.parts[key].bands` or `dataset.bands`.
        samples: How many images to look at, drawn without replacement; None, or more than there are: all.
        seed: Of the draw.

    Returns:
        Statistics in the unit of the pixels; the standard deviation is that of the population.

    Raises:
        ValueError: No images, channels that do not fit the bands, or NaN; the message names the image.
    """
    names = tuple(bands if bands is not None else _bands_of(dataset, key))
    count, mean, squares = 0, np.zeros(len(names)), np.zeros(len(names))
    for index in track(_draw(len(dataset), samples, seed), "Computing statistics"):
        pixels = _pixels(dataset[index], key, names, index)
        n, own_mean = pixels.shape[1], pixels.mean(axis=1)
        delta = own_mean - mean  # Chan et al. 1983: merges two means and sums of squares without cancellation
        squares += np.square(pixels - own_mean[:, None]).sum(axis=1) + delta**2 * count * n / (count + n)
        count += n
        mean += delta * n / count
    std = np.sqrt(squares / count)
    return {"mean": dict(zip(names, mean.tolist(), strict=True)), "std": dict(zip(names, std.tolist(), strict=True))}


def _draw(total: int, samples: int | None, seed: int) -> list[int]:
    if total == 0 or samples == 0:
        raise ValueError(f"statistics need at least one image, got {samples} of {total}")
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed)).tolist()
    return sorted(cast(list[int], order[:samples]))  # in file order: kinder to disks


def _bands_of(dataset: object, key: str) -> Sequence[str]:
    parts = getattr(dataset, "parts", {})
    bands = parts[key].bands if key in parts else getattr(dataset, "bands", None)
    if bands is None:
        raise ValueError(f"{type(dataset).__name__} does not name its bands; pass bands=")
    return cast(Sequence[str], bands)


def _pixels(sample: Mapping[str, object], key: str, bands: tuple[str, ...], index: int) -> npt.NDArray[np.float64]:
    """Pixels of one sample as (C, N); NumPy, because a busy machine slows torch's threads on small images."""
    if key not in sample:
        raise ValueError(f"sample {index} has no {key!r}; it has {', '.join(sample)}")
    image = cast(Tensor, sample[key])
    if image.ndim < 3 or image.shape[-3] != len(bands):
        expected = f"{len(bands)} channels ({', '.join(bands)})"
        raise ValueError(f"expected {expected}, sample {index} has {key!r} of shape {tuple(image.shape)}")
    pixels = np.moveaxis(image.numpy(), -3, 0).reshape(len(bands), -1).astype(np.float64)
    if not np.isfinite(pixels).all():
        raise ValueError(f"sample {index} has NaN or infinite pixels in {key!r}")
    return pixels
