"""Patches of SEN12MS and DFC2020: a file per product, which its name tells whatever folder it lies in."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, cast

import torch
from rasterio.io import DatasetReader
from torch import Tensor

from eo_data.crops import Crops, Window, centre, draw, tiles
from eo_data.dataset import ImageDataset, Sample, Transform
from eo_data.land_cover import DFC_CLASSES, IGNORE, majority, multi_hot, training_mask
from eo_data.names import choose
from eo_data.progress import track
from eo_data.raster import open_geotiff, read_bands
from eo_data.sensors import SENSORS

_NAME = re.compile(r"(?P<season>ROIs\d{4}_[a-z]+)_(?P<product>s1|s2|lc|dfc)_(?P<scene>\w+)_p(?P<number>\d+)(\.tif)?")
Target = Literal["label", "multilabel", "mask"]


class Patch(NamedTuple):
    """One place at one date; sorts by season, scene, number."""

    season: str
    scene: str
    number: int

    def __str__(self) -> str:
        return f"{self.season}_{self.scene}_p{self.number}"


class Patches:
    """The files of a tree, found by their names: folders are spelt in several ways."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: dict[str, set[Patch]] = {}
        self._folders: dict[tuple[str, str, str], Path] = {}
        for folder, _, names in os.walk(root):
            for name in names:
                self._add(Path(folder), name)

    def file(self, patch: Patch, product: str) -> Path:
        """Where a product of a patch lies."""
        season, scene, number = patch
        return self._folders[season, product, scene] / f"{season}_{product}_{scene}_p{number}.tif"

    def commonest(self, patch: Patch, product: str) -> int:
        """The commonest class of a whole patch in a map."""
        path = self.file(patch, product)
        with open_geotiff(path) as file:
            return int(majority(training_mask(file.read(1), product=product, path=path)))

    def complete(
        self, wanted: Sequence[Patch], products: Sequence[str], incomplete: str
    ) -> tuple[list[Patch], tuple[str, ...]]:
        """Those that have every product, and the names of those that lack one; refuses the latter unless skipping."""
        problems = {product: [p for p in wanted if p not in self.found.get(product, ())] for product in products}
        problems = {product: lacking for product, lacking in problems.items() if lacking}
        skipped = set().union(*problems.values())
        if skipped and (incomplete == "raise" or len(skipped) == len(set(wanted))):
            listed = {product: ", ".join(map(str, lacking[:3])) for product, lacking in problems.items()}
            raise FileNotFoundError(
                f"{len(skipped)} of {len(set(wanted))} patches in {self.root} are incomplete: "
                + "; ".join(f"{len(set(problems[p]))} lack {p}, such as {names}" for p, names in listed.items())
                + "; fetch the rest, ask for fewer products, or pass incomplete='skip' to leave them out"
            )
        return [p for p in wanted if p not in skipped], tuple(map(str, sorted(skipped)))

    def _add(self, folder: Path, name: str) -> None:
        match = _NAME.fullmatch(name)
        if match is None or not name.endswith(".tif"):
            return
        key = match["season"], match["product"], match["scene"]
        if self._folders.setdefault(key, folder) != folder:
            raise ValueError(f"{name} and its like lie in {self._folders[key]} and in {folder}; keep one of the two")
        self.found.setdefault(match["product"], set()).add(Patch(key[0], key[2], int(match["number"])))


def parse_patch(name: str) -> Patch | None:
    """The patch that the name of a file of any product means, None if it is no such name."""
    match = _NAME.fullmatch(name.strip())
    return match and Patch(match["season"], match["scene"], int(match["number"]))


class PatchDataset(ImageDataset):
    """What SEN12MS and DFC2020 share: patches, the part of a patch that a sample shows, labels from its map.

    Subclasses set `root`, `products`, `parts` and call `_fill`.
    """

    root: Path
    products: tuple[str, ...]
    """Products in a sample, Sentinel-1 first."""
    skipped: tuple[str, ...]
    """Patches left out: known to be damaged, or lacking a product."""

    def _fill(
        self,
        patches: Patches,
        wanted: Iterable[Patch],
        *,
        target: Target | None,
        labels: str,
        size: int | None,
        crops: Crops,
        fill: float | None,
        incomplete: str,
        transform: Transform | None,
    ) -> None:
        self.transform, self.fill, self.target = transform, fill, target
        self._patches, self._map = patches, labels
        if target is not None:
            choose("target", target, ("label", "multilabel", "mask"))
        self.classes = None if target is None else DFC_CLASSES
        needed = (*self.products, *([labels] if target else []))
        choose("incomplete", incomplete, ("raise", "skip"))
        found, self.skipped = patches.complete(list(wanted), needed, incomplete)
        with open_geotiff(patches.file(found[0], self.products[0])) as file:
            self._length = file.height
        self.size = _check_size(size, self._length)
        self.crops = choose("crops", crops, ("tile", "centre", "random"))
        windows = self._windows()
        self._rows = [(patch, window) for patch in found for window in windows]
        tiled = len(windows) > 1
        self.ids = [f"{p}@{w.row},{w.column}" if tiled and w else str(p) for p, w in self._rows]

    def _windows(self) -> Sequence[Window | None]:
        """The fixed parts of every patch; None: the whole, or a place that each reading draws anew."""
        if self.size == self._length or self.crops == "random":
            return [None]
        return tiles(self._length, self.size) if self.crops == "tile" else [centre(self._length, self.size)]

    def strata(self) -> list[int]:
        """The commonest class of the patch that each sample is from: what a share of them is drawn evenly over."""
        patches = dict.fromkeys(patch for patch, _ in self._rows)
        classes = {patch: self._patches.commonest(patch, self._map) for patch in track(patches, "Counting classes")}
        return [classes[patch] for patch, _ in self._rows]

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        patch, window = self._rows[index]
        if window is None and self.size != self._length:
            window = draw(self._length, self.size)
        images = {
            key: self._pixels(patch, product, part.sensor, part.bands, window)
            for product, (key, part) in zip(self.products, self.parts.items(), strict=True)
        }
        return cast(Sample, {**images, "id": self.ids[index], **self._targets(patch, window)})

    def _pixels(self, patch: Patch, product: str, sensor: str, bands: tuple[str, ...], window: Window | None) -> Tensor:
        path = self._patches.file(patch, product)
        with open_geotiff(path) as file:
            self._refuse_other_size(file, path)
            names = SENSORS[sensor].band_names
            return torch.from_numpy(read_bands(file, path, bands, file_bands=names, window=window, fill=self.fill))

    def _targets(self, patch: Patch, window: Window | None) -> Mapping[str, Tensor]:
        if self.target is None:
            return {}
        path = self._patches.file(patch, self._map)
        with open_geotiff(path) as file:
            self._refuse_other_size(file, path)
            names = [str(number) for number in range(file.count)]
            values = read_bands(file, path, names[:1], file_bands=names, window=window)[0]  # the others: LCCS schemes
        mask = training_mask(values, product=self._map, path=path)
        if self.target == "mask":
            return {"mask": mask}
        if self.target == "multilabel":
            return {"label": multi_hot(mask)}
        return {"label": majority(mask), "labelled": majority(mask) != IGNORE}

    def _refuse_other_size(self, file: DatasetReader, path: Path) -> None:
        if file.shape != (self._length, self._length):
            raise ValueError(
                f"{path} has {file.height} x {file.width} pixels, patches here have {self._length} x {self._length}"
            )


def _check_size(size: int | None, length: int) -> int:
    if size is not None and not 1 <= size <= length:
        raise ValueError(f"size must be between 1 and the {length} pixels of a patch, got {size}")
    return size or length
