"""SSL4EO-S12 v1: 251,079 places, each seen in four seasons by Sentinel-1 and by Sentinel-2 at two processing levels."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from torch import Tensor

from eo_data.dataset import ImageDataset, Part, Product, Sample, Transform, parts_of
from eo_data.grid import FileOf, Resolution, check_resolution, find_grid
from eo_data.names import choose
from eo_data.progress import track


class SSL4EOS12(ImageDataset):
    """SSL4EO-S12 v1 (Wang et al., arXiv 2211.07044): `{s1|s2a|s2c}/{location}/{season}/{band}.tif`, one band per file.

    Location ids may have any width and gaps. Seasons are the folders of a location in order of the sensing time in
    their names, and products are matched by their place in that order: Sentinel-1 names begin with the satellite, so
    that the order of names would pair winter with summer. Band files may be called `B1.tif` or `B01.tif`.

    Args:
        root: Folder that holds `s1`, `s2a`, `s2c`, or those of them that are asked for.
        split: `train`, the only one there is.
        product: `s2c` (L1C, 13 bands), `s2a` (L2A, 12 bands, no B10), `s1` (VV and VH in dB), or `s1` and one of the
            other two, such as `("s1", "s2c")`.
        seasons: How many of a location's seasons to read, counted from the earliest, 1 to 4.
        bands: Bands wanted, in any order and spelling; for two products a mapping from product to bands.
        resolution: 10, 20 or 60 metres: all bands on that grid. None: that of the finest band asked for. `native`: one
            image for each native resolution.
        resampling: How bands come to another grid: a method of rasterio's, such as `bilinear`, `nearest`, `average`.
        incomplete: What to do about locations that lack a product or have too few seasons: `raise`, or `skip` them and
            list them in `skipped`.
        transform: Called with each sample.

    Each sample is `{"image": (T, C, H, W), "id": location}` in the stored dtype; with two products `s1` and `s2` stand
    in place of `image`; `native` gives `image_10m`, `image_20m`, `image_60m` (or `s1_10m`, `s2_10m`, ...). Files a few
    pixels larger or smaller than most, which occur, are resampled to the common size.

    Raises:
        FileNotFoundError: No such product folder, no location, or incomplete ones; the message counts them.
        ValueError: A bad argument; on reading, a file that is broken, holds NaN or is far from the common size.
    """

    PRODUCTS = MappingProxyType(
        {
            "s1": Product("s1", "sentinel1-grd", "softcon_s1"),
            "s2a": Product("s2", "sentinel2-l2a", "softcon_s2_l2a"),
            "s2c": Product("s2", "sentinel2-l1c", "softcon_s2"),
        }
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        *,
        product: str | Sequence[str] = "s2c",
        seasons: int = 4,
        bands: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        resolution: Resolution | None = None,
        resampling: str = "bilinear",
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
    ) -> None:
        self.root = Path(root)
        self.split = choose("split", split, ("train",))
        self.products = self._check_products((product,) if isinstance(product, str) else tuple(product))
        self.seasons = _check_seasons(seasons)
        self.classes = None
        self.describe(parts_of(self.products, self.PRODUCTS, bands))
        check_resolution(resolution, resampling)  # before all locations are looked through
        self.transform = transform
        self.ids, self.skipped = self._complete_locations(choose("incomplete", incomplete, ("raise", "skip")))
        self.grid = find_grid(self._looked_at(), resolution=resolution, resampling=resampling)
        self.resolution = self.grid.resolution

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        images: dict[str, Tensor] = {}
        for product, (key, part) in zip(self.products, self.parts.items(), strict=True):
            folders = season_folders(self.root / product / self.ids[index])[: self.seasons]
            images |= self.grid.read_dates(key, part, [partial(band_file, folder) for folder in folders])
        return cast(Sample, {**images, "id": self.ids[index]})

    def _check_products(self, products: tuple[str, ...]) -> tuple[str, ...]:
        for product in products:
            choose("product", product, tuple(self.PRODUCTS))
        if sorted(self.PRODUCTS[product].key for product in products) not in (["s1"], ["s2"], ["s1", "s2"]):
            raise ValueError(f"product must be one of s1, s2a, s2c, or s1 and one of the other two, got {products}")
        return tuple(sorted(products))  # s1 first

    def _complete_locations(self, incomplete: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        listings = {product: self._locations(product) for product in self.products}
        every = sorted(set().union(*listings.values()), key=lambda name: (len(name), name))
        problems: dict[str, list[str]] = {}
        for location in track(every, "Looking through the locations"):
            for product, there in listings.items():
                if location not in there:
                    problems.setdefault(f"lack {product}", []).append(location)
                elif _count_folders(self.root / product / location) < self.seasons:
                    problems.setdefault(f"have fewer than {self.seasons} seasons of {product}", []).append(location)
        skipped = set().union(*problems.values())
        complete = tuple(location for location in every if location not in skipped)
        if skipped and (incomplete == "raise" or not complete):
            raise FileNotFoundError(
                f"{len(skipped)} of {len(every)} locations in {self.root} are incomplete: "
                + "; ".join(f"{len(names)} {what}, such as {', '.join(names[:3])}" for what, names in problems.items())
                + "; fetch the rest, ask for fewer seasons, or pass incomplete='skip' to leave them out"
            )
        return complete, tuple(location for location in every if location in skipped)

    def _locations(self, product: str) -> set[str]:
        folder = self.root / product
        found = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()
        if not found:
            raise FileNotFoundError(
                f"no SSL4EO-S12 locations in {folder}; expected {folder}/<location>/<season>/<band>.tif: "
                f"unpack the archives of {product} there"
            )
        return found

    def _looked_at(self) -> Iterator[tuple[Part, FileOf]]:
        """The earliest season of up to eight locations."""
        for location in self.ids[:: max(1, len(self.ids) // 8)][:8]:
            for product, part in zip(self.products, self.parts.values(), strict=True):
                yield part, partial(band_file, season_folders(self.root / product / location)[0])


def season_folders(location: Path) -> list[Path]:
    """The seasons of a location, by the first timestamp in their names, which is the sensing time."""
    return sorted((path for path in location.iterdir() if path.is_dir()), key=lambda path: _season_key(path.name))


def band_file(season: Path, band: str) -> Path:
    """The file of a band under either of its names; none of them there raises FileNotFoundError."""
    names = dict.fromkeys((f"{re.sub('^B0', 'B', band)}.tif", f"{band}.tif"))
    path = next((season / name for name in names if (season / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{season} has no {' or '.join(names)}; fetch this season again")
    return path


def _season_key(name: str) -> tuple[str, str]:
    time = re.search(r"\d{8}T\d{6}", name)
    return (time.group() if time else "", name)


def _count_folders(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.is_dir() for entry in entries)


def _check_seasons(seasons: int) -> int:
    if seasons not in (1, 2, 3, 4):
        raise ValueError(f"seasons must be 1, 2, 3 or 4, got {seasons!r}")
    return seasons
