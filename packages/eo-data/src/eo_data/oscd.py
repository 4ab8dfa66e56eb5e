"""OSCD: pairs of Sentinel-2 images of 24 cities, and what was built between the two dates."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from rasterio.windows import Window
from torch import Tensor

from eo_data.dataset import ImageDataset, Sample, Transform, part_of
from eo_data.download import Archive, fetch, unzip
from eo_data.grid import Grid, Resolution, check_resolution, find_grid
from eo_data.land_cover import IGNORE
from eo_data.names import choose
from eo_data.raster import open_geotiff, read_bands
from eo_data.sensors import SENSORS

_NAME = "Onera Satellite Change Detection dataset"
_HUB = f"https://hf.co/datasets/hkristen/oscd/resolve/main/{_NAME.replace(' ', '%20')}"


class Tile(NamedTuple):
    """A square of a city, in pixels of the finest grid; it may reach over the border."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class City:
    """One city: the band files of its two dates, and its change map where there is one."""

    name: str
    dates: tuple[Mapping[str, Path], Mapping[str, Path]]
    mask: Path | None
    grid: Grid

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the finest image that is read."""
        return self.grid.size(min(self.grid.sizes))


class OSCD(ImageDataset):
    """Onera Satellite Change Detection (Daudt et al., IGARSS 2018): 13 bands of Sentinel-2 L1C on two dates.

    Looks for the cities in `Onera Satellite Change Detection dataset - Images/` or in `root` itself, and for their
    change maps in `CITY/cm/` there or under `… - Train Labels/` and `… - Test Labels/`.

    Args:
        root: Folder that holds these.
        split: `train` (14 cities), `test` (10) or `all`; as `train.txt` and `test.txt` beside the cities say, else as
            the folders of labels do, else as published.
        images: `original`: `imgs_1` and `imgs_2`, each band at its own resolution. `rectified`: `imgs_1_rect` and
            `imgs_2_rect`, all bands resampled to 10 m by the authors and co-registered.
        cities: Only these of the split.
        labels: Folder with the change maps, if they lie elsewhere.
        tile: Side of the squares that the cities are cut into, without overlap, in pixels of the grid (of 10 m for
            `native`, a multiple of 6 there); None gives whole cities.
        border: What happens to tiles that reach over the border: `ignore`: kept, filled with 0 and the mask with 255;
            `zero`: kept, image and mask filled with 0, as published; `drop`.
        bands: Bands wanted, in any order and spelling.
        resolution: 10, 20 or 60 metres: all bands on that grid. None: that of the finest band asked for. `native`:
            `image_10m`, `image_20m`, `image_60m`, cut at the nearest whole pixel; the mask is that of 10 m.
        resampling: How bands come to another grid: a method of rasterio's. Masks come by the nearest pixel.
        unlabelled: What to do about cities without a change map: `raise`, `skip` them (listed in `skipped`), or `keep`
            them with a mask of 255.
        incomplete: What to do about cities of the split that are not there: `raise`, or `skip` them likewise.
        transform: Called with each sample.
        download: Fetch and unpack the three archives (0.5 GB) if there are no cities.

    Each sample is `{"image": (2, C, H, W) uint16, "mask": (H, W) int64, "id": "paris_0_96"}`, with the left and upper
    edge of the tile in its id; 1 is change, 0 none, 255 not known.

    Raises:
        FileNotFoundError: No cities, no band files, no change map; the message says where it looked.
        ValueError: A bad argument, two dates of different size, or a change map of another size or with other numbers.
    """

    TRAIN = (
        "aguasclaras", "bercy", "bordeaux", "nantes", "paris", "rennes", "saclay_e", "abudhabi", "cupertino", "pisa",
        "beihai", "hongkong", "beirut", "mumbai",
    )  # fmt: skip
    TEST = (
        "brasilia", "montpellier", "norcia", "rio", "saclay_w", "valencia", "dubai", "lasvegas", "milano", "chongqing",
    )  # fmt: skip
    CLASSES = ("no change", "change")
    FOLDERS = MappingProxyType({"original": ("imgs_1", "imgs_2"), "rectified": ("imgs_1_rect", "imgs_2_rect")})
    IMAGES, TRAIN_LABELS, TEST_LABELS = (f"{_NAME} - {part}" for part in ("Images", "Train Labels", "Test Labels"))
    ARCHIVES = (
        Archive(f"{_HUB}%20-%20Images.zip", md5="c50d4a2941da64e03a47ac4dec63d915"),
        Archive(f"{_HUB}%20-%20Train%20Labels.zip", md5="4d2965af8170c705ebad3d6ee71b6990"),
        Archive(f"{_HUB}%20-%20Test%20Labels.zip", md5="8177d437793c522653c442aa4e66c617"),
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str,
        *,
        images: Literal["original", "rectified"] = "original",
        cities: Sequence[str] | None = None,
        labels: str | os.PathLike[str] | None = None,
        tile: int | None = 96,
        border: Literal["ignore", "zero", "drop"] = "ignore",
        bands: Sequence[str] | None = None,
        resolution: Resolution | None = None,
        resampling: str = "bilinear",
        unlabelled: Literal["raise", "skip", "keep"] = "raise",
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        self.root, self.transform, self.classes = Path(root), transform, self.CLASSES
        self.split = choose("split", split, ("train", "test", "all"))
        self.images = choose("images", images, tuple(self.FOLDERS))
        self.border = choose("border", border, ("ignore", "zero", "drop"))
        choose("unlabelled", unlabelled, ("raise", "skip", "keep"))
        choose("incomplete", incomplete, ("raise", "skip"))
        check_resolution(resolution, resampling)
        self.describe({"image": part_of("sentinel2-l1c", bands, "zscore:oscd")})
        self.tile = self._check_tile(tile, resolution)
        self.folder = self._find(download)
        self.label_folders = [Path(labels)] if labels is not None else [self.root]
        listed = self._listed(cities)
        there = [name for name in listed if (self.folder / name).is_dir()]
        found = [self._open(name, resolution, resampling) for name in self._complete(listed, there, incomplete)]
        self.cities = tuple(city for city in found if city.mask is not None or unlabelled == "keep")
        if unlabelled == "raise":
            self._refuse_unlabelled(found)
        self.skipped = tuple(name for name in listed if name not in {city.name for city in self.cities})
        self._tiles = [(city, tile) for city in self.cities for tile in self._cut(city)]
        self.ids = tuple(f"{city.name}_{tile.left}_{tile.top}" for city, tile in self._tiles)

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        city, tile = self._tiles[index]
        images = {}
        for name, bands in city.grid.images("image", self.parts["image"]).items():
            dates = [[self._read_band(city, tile, date, band) for band in bands] for date in city.dates]
            images[name] = torch.from_numpy(np.array(dates))
        return cast(Sample, {**images, "mask": self._read_mask(city, tile), "id": self.ids[index]})

    def _read_band(self, city: City, tile: Tile, files: Mapping[str, Path], band: str) -> npt.NDArray[np.generic]:
        native = 10 if self.images == "rectified" else SENSORS[self.sensor].band(band).resolution
        height, width = city.grid.size(native)
        scale = 10 / native if city.grid.resolution == "native" else 1.0
        left, top = round(tile.left * scale), round(tile.top * scale)
        side = (round((tile.bottom - tile.top) * scale), round((tile.right - tile.left) * scale))
        if self.tile is None:
            side = (height, width)  # files are rounded up or down to whole pixels
        inside = (min(side[0], height - top), min(side[1], width - left))
        with open_geotiff(files[band]) as file:
            rows, columns = file.shape[0] / height, file.shape[1] / width
            window = Window(left * columns, top * rows, inside[1] * columns, inside[0] * rows)
            pixels = read_bands(
                file,
                files[band],
                [band],
                file_bands=[band],
                size=inside,
                resampling=city.grid.resampling,
                window=window,
            )
        return _padded(pixels[0], side, 0)

    def _read_mask(self, city: City, tile: Tile) -> Tensor:
        side = (tile.bottom - tile.top, tile.right - tile.left)
        if city.mask is None:
            return torch.full(side, IGNORE, dtype=torch.int64)
        whole = read_change(city.mask)
        height, width = city.size
        if whole.shape != city.grid.sizes[10]:
            raise ValueError(
                f"{city.mask} has {whole.shape[0]} x {whole.shape[1]} pixels, the 10 m images of {city.name} have "
                f"{city.grid.sizes[10][0]} x {city.grid.sizes[10][1]}"
            )
        rows, columns = (
            ((np.arange(start, min(stop, count)) + 0.5) * full / count).astype(int)  # the pixel under each centre
            for start, stop, count, full in zip(
                (tile.top, tile.left), (tile.bottom, tile.right), (height, width), whole.shape, strict=True
            )
        )
        pad = 0 if self.border == "zero" else IGNORE
        return torch.from_numpy(_padded(whole[np.ix_(rows, columns)].astype(np.int64), side, pad))

    def _cut(self, city: City) -> Iterator[Tile]:
        height, width = city.size
        if self.tile is None:
            yield Tile(0, 0, width, height)
            return
        for tile in tiles(width, height, self.tile):
            if self.border != "drop" or (tile.right <= width and tile.bottom <= height):
                yield tile

    def _check_tile(self, tile: int | None, resolution: object) -> int | None:
        if self.images == "rectified" and resolution not in (None, 10):
            raise ValueError(f"rectified images are all on the 10 m grid, got resolution={resolution!r}")
        if tile is not None and (tile < 1 or (resolution == "native" and tile % 6)):
            raise ValueError(f"tile must be at least 1, and a multiple of 6 for resolution='native', got {tile}")
        return tile

    def _find(self, download: bool) -> Path:
        places = (self.root / self.IMAGES, self.root)
        dates = self.FOLDERS[self.images][0]
        if download and not any(next(place.glob(f"*/{dates}"), None) for place in places):
            for archive in self.ARCHIVES:
                unzip(fetch(archive, self.root), self.root)
        folder = next((place for place in places if next(place.glob(f"*/{dates}"), None)), None)
        if folder is None:
            raise FileNotFoundError(
                f"no cities of OSCD (images={self.images!r}) under root={str(self.root)!r}; looked for "
                f"{' and '.join(f'{place}/<city>/{dates}' for place in places)}; unpack {self.ARCHIVES[0].filename} "
                "there or pass download=True"
            )
        return folder

    def _listed(self, cities: Sequence[str] | None) -> tuple[str, ...]:
        every = {split: self._cities_of(split) for split in ("train", "test")}
        listed = every["train"] + every["test"] if self.split == "all" else every[self.split]
        for name in cities or ():
            choose(f"city of {self.split}", name, listed)
        return listed if cities is None else tuple(cities)

    def _cities_of(self, split: str) -> tuple[str, ...]:
        """What the list beside the cities says, else which of them the folder of labels has, else the publication."""
        listed = self.folder / f"{split}.txt"
        if listed.is_file():
            return tuple(name.strip() for name in listed.read_text().split(",") if name.strip())
        labels = self.root / {"train": self.TRAIN_LABELS, "test": self.TEST_LABELS}[split]
        if labels.is_dir():
            return tuple(sorted(path.name for path in labels.iterdir() if path.is_dir()))
        return {"train": self.TRAIN, "test": self.TEST}[split]

    def _complete(self, listed: Sequence[str], there: list[str], incomplete: str) -> list[str]:
        missing = [name for name in listed if name not in there]
        if missing and (incomplete == "raise" or not there):
            raise FileNotFoundError(
                f"{len(missing)} of the {len(listed)} cities of {self.split} are not in {self.folder}: "
                f"{', '.join(missing)}; unpack {self.ARCHIVES[0].filename} again, or pass incomplete='skip' to leave "
                "them out"
            )
        return there

    def _open(self, name: str, resolution: Resolution | None, resampling: str) -> City:
        first, second = (self._files(name, folder) for folder in self.FOLDERS[self.images])
        part = self.parts["image"]
        grids = [
            find_grid([(part, date.__getitem__)], resolution=resolution, resampling=resampling)
            for date in (first, second)
        ]
        if grids[0].sizes != grids[1].sizes:
            raise ValueError(
                f"the two dates of {name} differ in size: {dict(grids[0].sizes)} and {dict(grids[1].sizes)} (height "
                "and width at each resolution); fetch this city again or leave it out with cities=[...]"
            )
        return City(name, (first, second), self._mask_of(name), self._with_10m(grids[0], first))

    def _with_10m(self, grid: Grid, files: Mapping[str, Path]) -> Grid:
        """The grid with the size of the 10 m images, which masks have, whatever bands are asked for."""
        with open_geotiff(files["B02"]) as file:
            finest = file.shape
        if self.images == "rectified":
            return Grid(10, {10: finest}, grid.resampling)
        return Grid(grid.resolution, {10: finest, **grid.sizes}, grid.resampling)

    def _files(self, city: str, folder: str) -> dict[str, Path]:
        paths = {}
        for band in {"B02", *self.bands}:
            found = list((self.folder / city / folder).glob(f"*{band}.tif"))
            if len(found) != 1:
                raise FileNotFoundError(
                    f"{self.folder / city / folder} has {len(found)} files *{band}.tif, expected one; fetch this city "
                    "again or leave it out with cities=[...]"
                )
            paths[band] = found[0]
        return paths

    def _mask_of(self, city: str) -> Path | None:
        places = [self.folder, *self.label_folders]
        places += [folder / part for folder in self.label_folders for part in (self.TRAIN_LABELS, self.TEST_LABELS)]
        names = ("cm.png", f"{city}-cm.tif")
        return next(
            (path for place in places for name in names if (path := place / city / "cm" / name).is_file()), None
        )

    def _refuse_unlabelled(self, found: Sequence[City]) -> None:
        without = [city.name for city in found if city.mask is None]
        if without:
            raise FileNotFoundError(
                f"no change map of {', '.join(without)}: looked for <city>/cm/cm.png and <city>/cm/<city>-cm.tif in "
                f"{self.folder} and {', '.join(map(str, self.label_folders))}; unpack {self.ARCHIVES[1].filename} and "
                f"{self.ARCHIVES[2].filename}, pass labels=, or unlabelled='skip' or 'keep'"
            )


def tiles(width: int, height: int, side: int) -> list[Tile]:
    """Squares without overlap that cover an image, column by column; the last ones may reach over its border."""
    return [
        Tile(left, top, left + side, top + side) for left in range(0, width, side) for top in range(0, height, side)
    ]


def read_change(path: Path) -> npt.NDArray[np.uint8]:
    """A change map as 0 and 1, (H, W): from the picture (0 and 255) or from the GeoTIFF (1 and 2)."""
    if path.suffix == ".tif":
        with open_geotiff(path) as file:
            stored = read_bands(file, path, ["change"], file_bands=["change"])[0]
        odd = sorted(set(np.unique(stored).tolist()) - {1, 2})
        if odd:
            raise ValueError(f"{path} holds {', '.join(map(str, odd[:5]))}; a change map holds 1 (none) and 2 (change)")
        return np.asarray(stored == 2, np.uint8)
    with Image.open(path) as picture:
        grey = np.array(picture.convert("L"))
    if grey.min() > 0:
        raise ValueError(f"{path} holds no 0; a change map holds 0 (none) and 255 (change)")
    return np.asarray(grey > 0, np.uint8)


def _padded(pixels: npt.NDArray[np.generic], side: tuple[int, int], value: int) -> npt.NDArray[np.generic]:
    missing = [(0, want - have) for want, have in zip(side, pixels.shape, strict=True)]
    return np.pad(pixels, missing, constant_values=value) if any(after for _, after in missing) else pixels
