"""METER-ML: 86,599 places with sources of methane, seen by NAIP, Sentinel-1 and Sentinel-2."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from eo_data.dataset import ImageDataset, Part, Product, Sample, Transform, choose_products, parts_of
from eo_data.land_cover import IGNORE
from eo_data.names import choose
from eo_data.progress import track
from eo_data.raster import refuse_nan, resample
from eo_data.sensors import SENSORS

_Plane = npt.NDArray[np.generic]


class MeterML(ImageDataset):
    """METER-ML (Zhu et al., arXiv 2207.11166): `{split}_dataset.geojson`, and a folder of images for each place.

    Places are 720 m wide: NAIP of 720 pixels (RGB and near infrared), Sentinel-1 of 72, Sentinel-2 of 72, 36 and 12
    pixels by the resolution of the bands. The folder of a place is looked for where the list says, and in the parts
    `train_images_1`, `train_images_2`, ... of the archive, inside `train_images` or beside it. The lists may end in
    `.geojson` or `.json`.

    Args:
        root: The folder.
        split: `train` (85,066), `val` (515) or `test` (1,018).
        product: `naip`, `s1`, `s2`, or several of them.
        bands: Bands wanted, in any order and spelling; for several products a mapping from product to bands.
        resolution: Of Sentinel-2: 10, 20 or 60 metres: all bands on that grid. None: that of the finest band asked for.
            `native`: one image for each native resolution.
        resampling: How bands come to another grid: a method of rasterio's.
        target: `label`: the first name of the place's type; `multilabel`: all of them.
        negative: What "Negative" is: a `class` like the others, or places that are `unlabelled`: 255 as label, as
            the losses leave out, and nothing but zeros as multi-hot.
        unknown: What to do about types with other names ("Roundabout" occurs): `raise`, or count them as `Negative`.
        incomplete: What to do about places that lack a file: `raise`, or `skip` them and list them in `skipped`.
        transform: Called with each sample.

    Each sample is `{"s1": (2, 72, 72), "s2": (13, 72, 72), "label", "id": folder}` as stored; `image` for one product;
    `native` gives `s2_10m`, `s2_20m`, `s2_60m`. Sentinel-1 holds whole numbers from 0 to 4095, which are not decibels.

    One place of the archive is broken, it lacks Sentinel-1 and some of Sentinel-2: it is left out of these, and stands
    in `skipped`.

    Raises:
        FileNotFoundError: No list, or places that lack a file; the message counts them.
        ValueError: A bad argument, an unknown type; on reading, a file that is broken or of another shape.
    """

    CLASSES = (
        "CAFOs",
        "Landfills",
        "Mines",
        "Negative",
        "ProcessingPlants",
        "RefineriesAndTerminals",
        "WWTreatment",
    )
    PRODUCTS = MappingProxyType(
        {
            "naip": Product("naip", "naip", "meterml"),
            "s1": Product("s1", "sentinel1-grd", "meterml"),
            "s2": Product("s2", "sentinel2-l1c", "meterml"),
        }
    )
    FILES = MappingProxyType(  # the bands of each file in its order
        {
            "naip.png": ("R", "G", "B", "NIR"),
            "sentinel-1.npy": ("VV", "VH"),
            "sentinel-2-10m.npy": ("B04", "B03", "B02", "B08"),
            "sentinel-2-20m.npy": ("B05", "B06", "B07", "B8A", "B11", "B12"),
            "sentinel-2-60m.npy": ("B01", "B09", "B10"),
        }
    )
    BROKEN = "train_images/38.8205231_-75.7927729"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Literal["train", "val", "test"],
        *,
        product: str | Sequence[str] = ("s1", "s2"),
        bands: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        resolution: Literal[10, 20, 60, "native"] | None = None,
        resampling: str = "bilinear",
        target: Literal["label", "multilabel"] = "label",
        negative: Literal["class", "unlabelled"] = "class",
        unknown: Literal["raise", "Negative"] = "raise",
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
    ) -> None:
        self.root = Path(root)
        self.split = choose("split", split, ("train", "val", "test"))
        self.products = choose_products(product, self.PRODUCTS)
        self.describe(_in_own_units(parts_of(self.products, self.PRODUCTS, bands)))
        if resolution not in (None, 10, 20, 60, "native"):
            raise ValueError(f"resolution must be 10, 20, 60 (metres), 'native' or None, got {resolution!r}")
        self.resolution, self.resampling = resolution, resampling
        self.target = choose("target", target, ("label", "multilabel"))
        self.negative = choose("negative", negative, ("class", "unlabelled"))
        self.classes, self.transform = self.CLASSES, transform
        self._files = [file for file, bands in self.FILES.items() if set(bands) & set(self.bands)]
        self.list = self._find_list()
        types = _read_types(self.list)
        self._folders, self.skipped = self._find(list(types), choose("incomplete", incomplete, ("raise", "skip")))
        self.ids = tuple(self._folders)
        self._types = self._parse(types, choose("unknown", unknown, ("raise", "Negative")))

    def strata(self) -> list[tuple[str, ...]]:
        """The names of each place's type: what a share of the places is drawn evenly over."""
        return list(self._types)

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        name = self.ids[index]
        planes = {band: plane for file in self._files for band, plane in _read(self._folders[name] / file).items()}
        images = {}
        for key, part in self.parts.items():
            for image, bands in self._images(key, part).items():
                images[image] = torch.from_numpy(np.stack(self._on_one_grid(planes, part.sensor, bands)))
        return cast(Sample, {**images, "label": self._label(index), "id": name})

    def _images(self, key: str, part: Part) -> dict[str, tuple[str, ...]]:
        """The bands of each image of a sample."""
        if self.resolution != "native" or part.sensor != "sentinel2-l1c":
            return {key: part.bands}
        groups: dict[int, tuple[str, ...]] = {}
        for band in part.bands:
            metres = SENSORS[part.sensor].band(band).resolution
            groups[metres] = (*groups.get(metres, ()), band)
        return {f"{key}_{metres}m": groups[metres] for metres in sorted(groups)}

    def _on_one_grid(self, planes: Mapping[str, _Plane], sensor: str, bands: tuple[str, ...]) -> list[_Plane]:
        native = {band: SENSORS[sensor].band(band).resolution for band in bands}
        asked = isinstance(self.resolution, int) and sensor == "sentinel2-l1c"
        metres = cast(int, self.resolution) if asked else min(native.values())
        sides = {band: len(planes[band]) * native[band] // metres for band in bands}
        return [resample(planes[band], sides[band], method=self.resampling) for band in bands]

    def _label(self, index: int) -> Tensor:
        left_out = {"Negative"} if self.negative == "unlabelled" else set()
        numbers = [self.CLASSES.index(name) for name in self._types[index] if name not in left_out]
        if self.target == "label":
            return torch.tensor(numbers[0] if numbers else IGNORE)
        return torch.zeros(len(self.CLASSES)).index_fill(0, torch.tensor(numbers, dtype=torch.int64), 1.0)

    def _find_list(self) -> Path:
        names = [self.root / f"{self.split}_dataset.{suffix}" for suffix in ("geojson", "json")]
        path = next((path for path in names if path.is_file()), None)
        if path is None:
            raise FileNotFoundError(
                f"no METER-ML list at {' or '.join(map(str, names))}; unpack the archive's lists into {self.root}"
            )
        return path

    def _find(self, names: Sequence[str], incomplete: str) -> tuple[dict[str, Path], tuple[str, ...]]:
        """The folder of every complete place, and the places left out."""
        parents = {first: self._parents(first) for first in {Path(name).parts[0] for name in names}}
        problems: dict[str, list[str]] = {}
        found = {}
        for name in track(names, "Looking through the places"):
            first, leaf = Path(name).parts[0], Path(name).relative_to(Path(name).parts[0])
            folder = next((parent / leaf for parent in parents[first] if (parent / leaf).is_dir()), self.root / name)
            there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
            for file in [file for file in self._files if file not in there]:
                problems.setdefault(file, []).append(name)
            found[name] = folder
        skipped = set().union(*problems.values())
        if skipped - {self.BROKEN} and (incomplete == "raise" or len(skipped) == len(found)):
            raise FileNotFoundError(
                f"{len(skipped)} of {len(names)} places of {self.list} are incomplete: "
                + "; ".join(f"{len(of)} lack {file}, such as {', '.join(of[:2])}" for file, of in problems.items())
                + f"; unpack the rest into {self.root}, or pass incomplete='skip' to leave them out"
            )
        complete = {name: folder for name, folder in found.items() if name not in skipped}
        return complete, tuple(name for name in found if name in skipped)

    def _parents(self, first: str) -> list[Path]:
        """Where places of `train_images/...` may lie: there, or in the parts that the archive comes in."""
        whole = self.root / first
        return [whole, *sorted(whole.glob(f"{first}_*")), *sorted(self.root.glob(f"{first}_*"))]

    def _parse(self, types: Mapping[str, str], unknown: str) -> list[tuple[str, ...]]:
        names = [tuple(types[place].split("-")) for place in self.ids]
        other = Counter("-".join(of) for of in names if not set(of) <= set(self.CLASSES))
        if other and unknown == "raise":
            raise ValueError(
                f"{self.list} has {sum(other.values())} places of unknown type: "
                f"{', '.join(f'{name!r} ({count})' for name, count in other.most_common(3))}; the names are "
                f"{', '.join(self.CLASSES)}, joined by '-'; pass unknown='Negative' to count them as that"
            )
        return [of if set(of) <= set(self.CLASSES) else (unknown,) for of in names]


def _in_own_units(parts: Mapping[str, Part]) -> dict[str, Part]:
    """Sentinel-1 is not in decibels here."""
    return {
        key: replace(part, units=("dn",) * len(part.bands)) if part.sensor == "sentinel1-grd" else part
        for key, part in parts.items()
    }


def _read_types(path: Path) -> dict[str, str]:
    """Place to type, in the order of the list."""
    try:
        places = [feature["properties"] for feature in json.loads(path.read_text())["features"]]
        return {place["Image_Folder"]: place["Type"] for place in places}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no list of METER-ML (features with the properties Image_Folder and Type): {error!r}"
        ) from error


def _read(path: Path) -> dict[str, _Plane]:
    """The bands of one file."""
    bands = MeterML.FILES[path.name]
    try:
        pixels: _Plane = np.array(Image.open(path)) if path.suffix == ".png" else np.load(path, allow_pickle=False)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read, it is truncated or corrupt ({error}); fetch it again") from error
    if pixels.ndim != 3 or pixels.shape[2] != len(bands):
        raise ValueError(f"{path}: expected (H, W, {len(bands)}) for {', '.join(bands)}, found {pixels.shape}")
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    refuse_nan(planes, path, bands)
    return dict(zip(bands, planes, strict=True))
