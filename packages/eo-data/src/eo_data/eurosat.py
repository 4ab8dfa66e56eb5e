"""EuroSAT: 27,000 Sentinel-2 patches of 64 x 64 pixels in ten land-use classes, as pictures or with all 13 bands."""

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import torch

from eo_data.dataset import ImageDataset, Sample, Transform, part_of
from eo_data.download import Archive, fetch, unzip
from eo_data.names import choose
from eo_data.raster import read_geotiff, read_jpeg

_HUB = "https://hf.co/datasets/torchgeo/eurosat/resolve"
_MS_REVISION = "1ce6f1bfb56db63fd91b6ecc466ea67f2509774c"
_RGB_REVISION = "c877bcd43f099cd0196738f714544e355477f3fd"


class EuroSAT(ImageDataset):
    """EuroSAT (Helber et al. 2019, doi 10.1109/JSTARS.2019.2918242).

    Finds the images in the folders that the archives unpack to (`2750/<Class>/` for the pictures,
    `ds/images/remote_sensing/otherDatasets/sentinel_2/tif/<Class>/` for the 13 bands), in `EuroSAT_RGB/<Class>/`
    or `EuroSAT_MS/<Class>/`, or in plain `<Class>/` folders.

    Args:
        root: Folder that holds one of those.
        split: `train`, `val` or `test`.
        images: `rgb`: JPEG, bands R G B, uint8. `ms`: GeoTIFF, 13 bands, uint16 digital numbers (Sentinel-2 L1C).
        splits: `official` (Neumann et al., arXiv 1911.06721), `spatial` (by longitude) or `100` (100 images in all).
            A list such as `eurosat-train.txt` that lies in `root` wins over the one in this package; `split_list`
            says which was used.
        bands: Bands wanted, in any order and spelling; default all, in canonical order. The files keep B8A last:
            here it comes to its place by name.
        transform: Called with each sample.
        download: Fetch and unpack the archive if images of this split are missing.

    Each sample is `{"image": (C, 64, 64), "label": int64, "id": "Forest_12"}`.

    Raises:
        FileNotFoundError: No images, or not all of the split's; the message says where it looked and the way out.
        ValueError: A bad argument; on reading, a file that is broken or has other bands.
    """

    CLASSES = (
        "AnnualCrop",
        "Forest",
        "HerbaceousVegetation",
        "Highway",
        "Industrial",
        "Pasture",
        "PermanentCrop",
        "Residential",
        "River",
        "SeaLake",
    )
    SENSORS = MappingProxyType({"rgb": "rgb", "ms": "sentinel2-l1c"})
    MS_FILE_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
    SUFFIXES = MappingProxyType({"rgb": ".jpg", "ms": ".tif"})
    FOLDERS = MappingProxyType(
        {
            "rgb": ("2750", "EuroSAT_RGB", "."),
            "ms": ("ds/images/remote_sensing/otherDatasets/sentinel_2/tif", "EuroSAT_MS", "."),
        }
    )
    LISTS = MappingProxyType({"official": "eurosat-", "spatial": "eurosat-spatial-", "100": "eurosat-100-"})
    ARCHIVES = MappingProxyType(
        {
            "rgb": Archive(f"{_HUB}/{_RGB_REVISION}/EuroSAT.zip", md5="c8fa014336c82ac7804f0398fcb19387"),
            "ms": Archive(
                f"{_HUB}/{_MS_REVISION}/EuroSATallBands.zip",
                sha256="751f070f9bffa2eed48b24ca2dd0b02959280c08837e8c9a5532a67ba611df59",
            ),
            "ms-100": Archive(  # the hundred images of splits="100" alone
                f"{_HUB}/{_MS_REVISION}/EuroSAT100.zip",
                sha256="2ed4bb4a6808004c98691f64b366827f7783c76a49151e7c2b70423eb77a5b76",
            ),
        }
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str,
        *,
        images: Literal["rgb", "ms"] = "rgb",
        splits: Literal["official", "spatial", "100"] = "official",
        bands: Sequence[str] | None = None,
        transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        self.root = Path(root)
        self.split = choose("split", split, ("train", "val", "test"))
        self.images = choose("images", images, tuple(self.FOLDERS))
        self.splits = choose("splits", splits, tuple(self.LISTS))
        self.describe({"image": part_of(self.SENSORS[images], bands, f"zscore:eurosat-{images}")})
        self.classes = self.CLASSES
        self.transform = transform
        try:
            self._find()
        except FileNotFoundError:
            if not download:
                raise
            unzip(fetch(self._archive, self.root), self.root)
            self._find()

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        name = self.ids[index]
        path = self.folder / _class_of(name) / f"{name}{self._suffix}"
        if self.images == "rgb":
            image = read_jpeg(path, self.bands)
        else:
            image = read_geotiff(path, self.bands, file_bands=self.MS_FILE_BANDS)
        return {"image": image, "label": torch.tensor(self.CLASSES.index(_class_of(name))), "id": name}

    def _find(self) -> None:
        self.folder = self._find_folder()
        self.split_list = self._find_list()
        self.ids = _read_list(self.split_list, self.CLASSES)
        self._refuse_half_a_split()

    def _find_folder(self) -> Path:
        folders = [self.root / folder for folder in self.FOLDERS[self.images]]
        for folder in folders:
            if any(True for name in self.CLASSES for _ in (folder / name).glob(f"*{self._suffix}")):
                return folder
        missing = "" if self.root.is_dir() else f", for {self.root} does not exist"
        raise FileNotFoundError(
            f"no EuroSAT images (images={self.images!r}) under root={str(self.root)!r}{missing}; looked for "
            f"{', '.join(f'{folder}/<Class>/*{self._suffix}' for folder in folders)}; "
            f"unpack {self._archive.filename} there or pass download=True"
        )

    def _find_list(self) -> Path:
        filename = f"{self.LISTS[self.splits]}{self.split}.txt"
        beside = next((path for path in (self.root / filename, self.folder / filename) if path.is_file()), None)
        return beside or Path(str(resources.files("eo_data"))) / "eurosat_splits" / filename

    def _refuse_half_a_split(self) -> None:
        there = {path.stem for name in self.CLASSES for path in (self.folder / name).glob(f"*{self._suffix}")}
        missing = [name for name in self.ids if name not in there]
        if missing:
            raise FileNotFoundError(
                f"half a split: {len(missing)} of the {len(self.ids)} images that {self.split_list} lists are not in "
                f"{self.folder}, such as {', '.join(missing[:3])}; unpack {self._archive.filename} again, pass "
                f"download=True, or put a list of the images that are there at {self.root / self.split_list.name}"
            )

    @property
    def _suffix(self) -> str:
        return self.SUFFIXES[self.images]

    @property
    def _archive(self) -> Archive:
        return self.ARCHIVES["ms-100" if (self.images, self.splits) == ("ms", "100") else self.images]


def _read_list(path: Path, classes: Sequence[str]) -> tuple[str, ...]:
    """Names without suffix: the lists say .jpg for both kinds of images."""
    names = tuple(Path(line.strip()).stem for line in path.read_text().splitlines() if line.strip())
    for name in names:
        if _class_of(name) not in classes:
            raise ValueError(f"{path} lists {name!r}, whose class is none of {', '.join(classes)}")
    if not names:
        raise ValueError(f"{path} lists no images")
    return names


def _class_of(name: str) -> str:
    return name.partition("_")[0]
