"""SeCo: places round cities, each seen by Sentinel-2 on five dates a season apart; no labels."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

import numpy as np

from eo_data.dataset import ImageDataset, Part, Sample, Transform
from eo_data.download import Archive, fetch, unzip
from eo_data.grid import FileOf, Resolution, check_resolution, find_grid
from eo_data.names import choose
from eo_data.normalize import normalization_for
from eo_data.progress import track
from eo_data.sensors import canonical_bands
from eo_data.ssl4eo_s12 import band_file, season_folders

_RECORD = "https://zenodo.org/record/4728033/files"


class SeCo(ImageDataset):
    """Seasonal Contrast (Mañas et al., arXiv 2103.16607): `{version}/{location}/{image id}/B1.tif … B12.tif`.

    12 bands of Sentinel-2 L2A (no B10), one uint8 file each, 264, 132 or 44 pixels a side. A stored number is
    floor(255 · clip(DN / 10000, 0, 1)) after lossy JPEG compression: one step is 39 digital numbers. Where on Earth the
    files say they lie is approximate. Image ids begin with the sensing time, and the dates of a location are in its
    order.

    Args:
        root: Folder that holds `seasonal_contrast_100k` or `seasonal_contrast_1m`, or one of these itself.
        split: `train`, the only one there is.
        version: `100k` (20,000 locations) or `1m` (200,000).
        seasons: How many of a location's dates to read; published locations have 5.
        draw: Which ones, where there are more: the `earliest`, or `random` ones, drawn for each location without
            replacement and read in order of time.
        seed: Of `random`.
        bands: Bands wanted, in any order and spelling.
        resolution: 10, 20 or 60 metres: all bands on that grid. None: that of the finest band asked for. `native`:
            `image_10m`, `image_20m`, `image_60m`.
        resampling: How bands come to another grid: a method of rasterio's.
        incomplete: What to do about locations with fewer dates: `raise`, or `skip` them and list them in `skipped`.
        transform: Called with each sample.
        download: Fetch and unpack the archive (7 or 36 GB) if there are no locations.

    Each sample is `{"image": (T, C, H, W) uint8, "id": location}`.

    Raises:
        FileNotFoundError: No locations, or incomplete ones; the message counts them.
        ValueError: A bad argument; on reading, a file that is broken or far from the common size.
    """

    FOLDERS = MappingProxyType({"100k": "seasonal_contrast_100k", "1m": "seasonal_contrast_1m"})
    ARCHIVES = MappingProxyType(
        {
            "100k": Archive(f"{_RECORD}/seco_100k.zip?download=1", md5="ebf2d5e03adc6e657f9a69a20ad863e0"),
            "1m": Archive(f"{_RECORD}/seco_1m.zip?download=1", md5="187963d852d4d3ce6637743ec3a4bd9e"),
        }
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        *,
        version: Literal["100k", "1m"] = "100k",
        seasons: int = 5,
        draw: Literal["earliest", "random"] = "earliest",
        seed: int = 0,
        bands: Sequence[str] | None = None,
        resolution: Resolution | None = None,
        resampling: str = "bilinear",
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        _check(split, version, seasons, draw, incomplete)
        check_resolution(resolution, resampling)
        self.root, self.split, self.version = Path(root), split, version
        self.seasons, self.draw, self.seed = seasons, draw, seed
        self.classes, self.transform = None, transform
        self.describe({"image": seco_part(bands)})
        self.folder = self._find(download)
        self.ids, self.skipped = self._complete(incomplete)
        self.grid = find_grid(self._looked_at(), resolution=resolution, resampling=resampling)

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        files = [partial(band_file, folder) for folder in self.date_folders(self.ids[index])]
        return cast(Sample, {**self.grid.read_dates("image", self.parts["image"], files), "id": self.ids[index]})

    def date_folders(self, location: str) -> list[Path]:
        """The folders of the dates that are read of a location, in order of time."""
        there = season_folders(self.folder / location)
        if self.draw == "earliest":
            return there[: self.seasons]
        rng = np.random.default_rng([self.seed, *location.encode()])
        return [there[row] for row in sorted(rng.choice(len(there), self.seasons, replace=False))]

    def _find(self, download: bool) -> Path:
        inside = self.root / self.FOLDERS[self.version]
        folder = self.root if self.root.name == inside.name else inside
        if not _has_folders(folder) and download:
            unzip(fetch(self.ARCHIVES[self.version], self.root), self.root)
        if not _has_folders(folder):
            raise FileNotFoundError(
                f"no SeCo locations in {folder}; expected {folder}/000000/<image id>/B1.tif: unpack "
                f"{self.ARCHIVES[self.version].filename} under root={str(self.root)!r}, pass download=True, or name "
                "another version"
            )
        return folder

    def _complete(self, incomplete: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        every = sorted(path.name for path in self.folder.iterdir() if path.is_dir())
        short = {
            name
            for name in track(every, "Looking through the locations")
            if len(season_folders(self.folder / name)) < self.seasons
        }
        if short and (incomplete == "raise" or len(short) == len(every)):
            raise FileNotFoundError(
                f"{len(short)} of {len(every)} locations in {self.folder} have fewer than {self.seasons} dates, such "
                f"as {', '.join(sorted(short)[:3])}; ask for fewer dates, or pass incomplete='skip' to leave them out"
            )
        return tuple(name for name in every if name not in short), tuple(sorted(short))

    def _looked_at(self) -> Iterator[tuple[Part, FileOf]]:
        """The earliest date of up to eight locations."""
        for location in self.ids[:: max(1, len(self.ids) // 8)][:8]:
            yield self.parts["image"], partial(band_file, season_folders(self.folder / location)[0])


def seco_part(bands: Sequence[str] | None) -> Part:
    """What SeCo's pixels are; the authors say how to normalize the visible bands, and nobody how the others."""
    names = canonical_bands(bands, "sentinel2-l2a")
    visible = set(names) <= {"B02", "B03", "B04"}
    return Part("sentinel2-l2a", names, ("uint8",) * len(names), normalization_for("seco") if visible else None)


def _check(split: str, version: str, seasons: int, draw: str, incomplete: str) -> None:
    allowed: Mapping[str, tuple[str, tuple[str, ...]]] = {
        "split": (split, ("train",)),
        "version": (version, tuple(SeCo.FOLDERS)),
        "draw": (draw, ("earliest", "random")),
        "incomplete": (incomplete, ("raise", "skip")),
    }
    for what, (value, known) in allowed.items():
        choose(what, value, known)
    if seasons < 1:
        raise ValueError(f"seasons must be at least 1, got {seasons}")


def _has_folders(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_dir() for path in folder.iterdir())
