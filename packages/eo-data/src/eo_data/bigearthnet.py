"""BigEarthNet v1 and v2: Sentinel-2 and Sentinel-1 patches of 1.2 km, each with all the land covers that it shows."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

from torch import Tensor

from eo_data.corine import classes_of, multi_hot
from eo_data.dataset import ImageDataset, Part, Product, Sample, Transform, choose_products, parts_of
from eo_data.download import Archive, fetch, untar
from eo_data.grid import FileOf, Resolution, check_resolution, find_grid
from eo_data.names import choose
from eo_data.progress import track
from eo_data.subset import take_fraction

_V1 = "https://zenodo.org/records/12687186/files"
_V2 = "https://hf.co/datasets/torchgeo/bigearthnet/resolve/3cf3a5910a5302d449fdb8e570e5b78de24fe07f/V2"
_LISTS = (
    "https://git.tu-berlin.de/rsim/BigEarthNet-MM_19-classes_models/-/raw/"
    "9a5be07346ab0884b2d9517475c27ef9db9b5104/splits"
)


class Patch(NamedTuple):
    """One place: the names of its Sentinel-2 and Sentinel-1 patches, and its labels where a table has them."""

    s2: str
    s1: str | None = None
    labels: tuple[str, ...] | None = None


class BigEarthNet(ImageDataset):
    """BigEarthNet (v1: Sumbul et al., arXiv 1902.06148 and 2105.07921; v2: Clasen et al., arXiv 2407.03653).

    v1 lies in `BigEarthNet-v1.0/<patch>/` and `BigEarthNet-S1-v1.0/<patch>/` with labels in a json beside the bands; v2
    in `BigEarthNet-S2/<tile>/<patch>/` and `BigEarthNet-S1/<scene>/<patch>/` with labels in `metadata.parquet`.

    Args:
        root: Folder that holds these.
        split: `train`, `val`, `test`, or `all`: every patch that is there, whatever the lists say.
        version: `v1` (590,326 patches) or `v2` (549,488; other patches, made by a newer sen2cor).
        product: `s2` (L2A, 12 bands, uint16 digital numbers), `s1` (VV and VH in dB), or `("s1", "s2")`.
        num_classes: 19, or of v1 also 43.
        splits: `official`: of v1 `train.csv`, `val.csv`, `test.csv` (or `bigearthnet-train.csv`, …) in `root`, with
            rows `s2,s1`; of v2 the metadata. `seco`: the random v1 split of SeCo and SSL4EO-S12,
            `bigearthnet-train.txt` and `bigearthnet-val.txt` in `root`, one patch a line.
        clean: Of v1's `seco` and `all`: leave out the patches that `patches_with_seasonal_snow.csv` and
            `patches_with_cloud_and_shadow.csv` in `root` name. The others are free of them already.
        fraction: Share of the patches, stratified by their sets of labels; a smaller fraction lies in every larger one.
        replacement: Draw the fraction with replacement instead, as published transfer code does (with seed 42).
        seed: Of the fraction.
        bands: Bands wanted, in any order and spelling; for two products a mapping from product to bands.
        resolution: 10, 20 or 60 metres: all bands on that grid. None: that of the finest band asked for. `native`: one
            image for each native resolution.
        resampling: How bands come to another grid: a method of rasterio's.
        incomplete: What to do about patches that a list names and that are not there or have no readable labels:
            `raise` (labels are then read with the pixels), or `skip` them and list them in `skipped`.
        transform: Called with each sample.
        download: Fetch what is missing: lists or metadata, and the archives (v1 66 + 55 GB, v2 63 + 55 GB).

    Each sample is `{"image": (C, 120, 120), "label": multi-hot float32, "id": name of the Sentinel-2 patch}`; with two
    products `s1` and `s2` stand in place of `image`. A patch of v1 whose names are all dropped from the 19 classes has
    a label of zeros; the official splits have none of these.

    Raises:
        FileNotFoundError: No images, no list, or patches that are missing; the message counts them.
        ValueError: A bad argument; a label file that cannot be parsed, or a label outside the nomenclature.
    """

    FOLDERS = MappingProxyType(
        {
            ("v1", "s2"): "BigEarthNet-v1.0",
            ("v1", "s1"): "BigEarthNet-S1-v1.0",
            ("v2", "s2"): "BigEarthNet-S2",
            ("v2", "s1"): "BigEarthNet-S1",
        }
    )
    ARCHIVES = MappingProxyType(
        {
            ("v1", "s2"): (Archive(f"{_V1}/BigEarthNet-S2-v1.0.tar.gz", md5="5a64e9ce38deb036a435a7b59494924c"),),
            ("v1", "s1"): (Archive(f"{_V1}/BigEarthNet-S1-v1.0.tar.gz", md5="94ced73440dea8c7b9645ee738c5a172"),),
            ("v2", "s2"): (
                Archive(f"{_V2}/BigEarthNet-S2.tar.gzaa", md5="94e8ed32065234d3ab46353d814778d1"),
                Archive(f"{_V2}/BigEarthNet-S2.tar.gzab", md5="24c223d9e36166136c13b24a27debe34"),
            ),
            ("v2", "s1"): (
                Archive(f"{_V2}/BigEarthNet-S1.tar.gzaa", md5="039b9ce305fc6582b2c3d60d1573f5b7"),
                Archive(f"{_V2}/BigEarthNet-S1.tar.gzab", md5="e94f0ea165d04992ca91d8e58e82ec6d"),
            ),
        }
    )
    LISTS = MappingProxyType(
        {
            "train": Archive(f"{_LISTS}/train.csv?inline=false", md5="623e501b38ab7b12fe44f0083c00986d"),
            "val": Archive(f"{_LISTS}/val.csv?inline=false", md5="22efe8ed9cbd71fa10742ff7df2b7978"),
            "test": Archive(f"{_LISTS}/test.csv?inline=false", md5="697fb90677e30571b9ac7699b7e5b432"),
        }
    )
    METADATA = Archive(f"{_V2}/metadata.parquet", md5="55687065e77b6d0b0f1ff604a6e7b49c")
    BAD_LISTS = ("patches_with_seasonal_snow.csv", "patches_with_cloud_and_shadow.csv")
    PRODUCTS = MappingProxyType(
        {
            "s1": Product("s1", "sentinel1-grd", "zscore:bigearthnet-s1"),
            "s2": Product("s2", "sentinel2-l2a", "zscore:bigearthnet-s2"),
        }
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str,
        *,
        version: Literal["v1", "v2"] = "v1",
        product: str | Sequence[str] = "s2",
        num_classes: Literal[19, 43] = 19,
        splits: Literal["official", "seco"] = "official",
        clean: bool = True,
        fraction: float = 1.0,
        replacement: bool = False,
        seed: int = 0,
        bands: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        resolution: Resolution | None = None,
        resampling: str = "bilinear",
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        self.root, self.transform = Path(root), transform
        self.split = choose("split", split, ("train", "val", "test", "all"))
        self.version = choose("version", version, ("v1", "v2"))
        self.splits = choose("splits", splits, ("official", "seco"))
        self.products = choose_products(product, self.PRODUCTS)
        self.classes, self.num_classes = classes_of(num_classes), num_classes
        check_resolution(resolution, resampling)
        choose("incomplete", incomplete, ("raise", "skip"))
        self._refuse_what_v2_has_not()
        self.describe(parts_of(self.products, self.PRODUCTS, bands))
        if download:
            self._download()
        patches, self.skipped = self._present(self._clean(self._listed(), clean), incomplete)
        strata = (
            None if fraction == 1 or replacement else [self._label_set(patch) for patch in track(patches, "Labels")]
        )
        rows = take_fraction([patch.s2 for patch in patches], strata, fraction, seed=seed, replacement=replacement)
        self._patches = [patches[row] for row in rows] if fraction < 1 or replacement else patches
        self.ids = tuple(patch.s2 for patch in self._patches)
        self.grid = find_grid(self._looked_at(), resolution=resolution, resampling=resampling)

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        patch = self._patches[index]
        images: dict[str, Tensor] = {}
        for product, (key, part) in zip(self.products, self.parts.items(), strict=True):
            images |= self.grid.read(key, part, self._files_of(patch, product))
        return cast(Sample, {**images, "label": self.label_of(patch), "id": patch.s2})

    def label_of(self, patch: Patch) -> Tensor:
        """Multi-hot label, from the table of v2 or the patch's own json of v1."""
        names, where = patch.labels, f"{patch.s2} in {self.METADATA.filename}"
        if names is None:
            path = self._label_file(patch)
            names, where = _read_json(path)["labels"], str(path)
        try:
            return multi_hot(names, self.num_classes)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error

    def _label_set(self, patch: Patch) -> tuple[int, ...]:
        return tuple(self.label_of(patch).nonzero().flatten().tolist())

    def _folder(self, patch: Patch, product: str) -> Path:
        name = cast(str, getattr(patch, product))
        top = self.root / self.FOLDERS[self.version, product]
        if self.version == "v1":
            return top / name
        return top / name.rsplit("_", {"s2": 2, "s1": 3}[product])[0] / name

    def _files_of(self, patch: Patch, product: str) -> FileOf:
        return partial(_one_file, self._folder(patch, product))

    def _label_file(self, patch: Patch) -> Path:
        product = "s2" if "s2" in self.products else "s1"
        return _one_file(self._folder(patch, product), "labels_metadata", suffix=".json")

    def _refuse_what_v2_has_not(self) -> None:
        if self.version == "v2" and (self.num_classes, self.splits) != (19, "official"):
            raise ValueError(
                f"BigEarthNet v2 has 19 classes and its official splits, got num_classes={self.num_classes}, "
                f"splits={self.splits!r}; take version='v1' for the others"
            )

    def _listed(self) -> list[Patch]:
        """What the split's list names, in its order; of `all` what lies there, sorted."""
        if self.version == "v2":
            return self._from_metadata()
        if self.split == "all":
            return self._from_folders()
        names = {"official": (f"{self.split}.csv", f"bigearthnet-{self.split}.csv")}.get(
            self.splits, (f"bigearthnet-{self.split}.txt",)
        )
        path = next((self.root / name for name in names if (self.root / name).is_file()), None)
        if path is None:
            raise FileNotFoundError(
                f"no list {' or '.join(names)} under root={str(self.root)!r}; put it there"
                + (", pass download=True," if self.splits == "official" else "")
                + " or pass split='all' for every patch that is there"
            )
        rows = [line.split(",") for line in path.read_text().split() if line]
        if self.splits == "official":
            return [Patch(row[0], row[1]) for row in rows]
        return self._with_s1([Patch(row[0]) for row in rows])

    def _from_metadata(self) -> list[Patch]:
        path = self.root / self.METADATA.filename
        if not path.is_file():
            raise FileNotFoundError(f"no {path}; put it there or pass download=True")
        wanted = {"train": "train", "val": "validation", "test": "test"}.get(self.split)
        return [
            Patch(row["patch_id"], row["s1_name"], tuple(row["labels"]))
            for row in read_parquet(path, ("patch_id", "s1_name", "split", "labels"))
            if wanted in (None, row["split"])
        ]

    def _from_folders(self) -> list[Patch]:
        if "s2" in self.products:
            return self._with_s1([Patch(name) for name in sorted(self._there("s2"))])
        return sorted(Patch(s2, s1) for s2, s1 in self._s1_of_s2().items())

    def _with_s1(self, patches: list[Patch]) -> list[Patch]:
        if "s1" not in self.products:
            return patches
        s1 = self._s1_of_s2()
        return [Patch(patch.s2, s1.get(patch.s2)) for patch in patches]

    def _s1_of_s2(self) -> dict[str, str]:
        """From Sentinel-2 to Sentinel-1 patches, as the jsons of the latter say."""
        folder = self.root / self.FOLDERS["v1", "s1"]
        names = sorted(self._there("s1"))
        files = (_one_file(folder / name, "labels_metadata", suffix=".json") for name in track(names, "Pairing"))
        return {_read_json(path)["corresponding_s2_patch"]: name for path, name in zip(files, names, strict=True)}

    def _clean(self, patches: list[Patch], clean: bool) -> list[Patch]:
        if not clean or self.version == "v2" or (self.splits, self.split == "all") == ("official", False):
            return patches
        bad: set[str] = set()
        for name in self.BAD_LISTS:
            path = self.root / name
            if not path.is_file():
                raise FileNotFoundError(
                    f"no list {path} of patches to leave out; fetch it from bigearth.net, or pass clean=False to keep "
                    "patches under snow, clouds and shadow"
                )
            bad.update(path.read_text().split())
        return [patch for patch in patches if patch.s2 not in bad]

    def _there(self, product: str) -> set[str]:
        """Names of the patches of a product that lie there."""
        top = self.root / self.FOLDERS[self.version, product]
        if not top.is_dir():
            raise FileNotFoundError(
                f"no BigEarthNet {self.version} images of {product} under root={str(self.root)!r}; expected {top}: "
                f"unpack {', '.join(archive.filename for archive in self.ARCHIVES[self.version, product])} there, or "
                "pass download=True"
            )
        folders = [top] if self.version == "v1" else [path for path in top.iterdir() if path.is_dir()]
        return {entry.name for folder in folders for entry in os.scandir(folder) if entry.is_dir()}

    def _present(self, patches: list[Patch], incomplete: str) -> tuple[list[Patch], tuple[str, ...]]:
        lacking = {
            product: {patch.s2 for patch in patches if getattr(patch, product) not in there}
            for product in self.products
            for there in [self._there(product)]
        }
        missing = set().union(*lacking.values())
        if missing and incomplete == "raise":
            counts = "; ".join(
                f"{len(names)} lack {product}, such as {', '.join(sorted(names)[:3])}"
                for product, names in lacking.items()
                if names
            )
            raise FileNotFoundError(
                f"{len(missing)} of the {len(patches)} patches of {self.split} are not under {self.root}: {counts}; "
                "unpack the rest, or pass incomplete='skip' to leave them out"
            )
        if incomplete == "skip":
            missing |= {patch.s2 for patch in patches if patch.s2 not in missing and not self._has_labels(patch)}
        kept = [patch for patch in patches if patch.s2 not in missing]
        if not kept:
            raise FileNotFoundError(f"none of the {len(patches)} patches of {self.split} are under {self.root}")
        return kept, tuple(patch.s2 for patch in patches if patch.s2 in missing)

    def _has_labels(self, patch: Patch) -> bool:
        try:
            self.label_of(patch)
        except (ValueError, FileNotFoundError):
            return False
        return True

    def _looked_at(self) -> Iterator[tuple[Part, FileOf]]:
        """Up to eight patches."""
        for patch in self._patches[:: max(1, len(self._patches) // 8)][:8]:
            for product, part in zip(self.products, self.parts.values(), strict=True):
                yield part, self._files_of(patch, product)

    def _download(self) -> None:
        if self.version == "v2":
            fetch(self.METADATA, self.root)
        elif self.split in self.LISTS and self.splits == "official":
            fetch(self.LISTS[self.split], self.root)
        for product in self.products:
            if not (self.root / self.FOLDERS[self.version, product]).is_dir():
                untar([fetch(part, self.root) for part in self.ARCHIVES[self.version, product]], self.root)


def read_parquet(path: Path, columns: Sequence[str]) -> Iterable[dict[str, Any]]:
    """Rows of a parquet file as dicts (extra `eo-data[parquet]`).

    Raises:
        ImportError: pyarrow is missing; the message names the extra.
        ValueError: No parquet file, or one without these columns.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ImportError(f"{path} wants the package pyarrow; install eo-data[parquet]") from error
    try:
        absent = [name for name in columns if name not in parquet.read_schema(path).names]
        if absent:
            raise ValueError(f"{path} has no column {', '.join(absent)}")
        rows: list[dict[str, Any]] = parquet.read_table(path, columns=list(columns)).to_pylist()
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is not a readable parquet file ({error}); fetch it again") from error
    return rows


def _one_file(folder: Path, ending: str, *, suffix: str = ".tif") -> Path:
    """The file of a band (or of the labels) in a patch's folder: `<patch>_B02.tif`."""
    expected = folder / f"{folder.name}_{ending}{suffix}"
    if expected.is_file():
        return expected
    found = list(folder.glob(f"*_{ending}{suffix}"))  # copies are about whose files bear another name than the folder
    if len(found) != 1:
        raise FileNotFoundError(f"{folder} has no {expected.name}; fetch this patch again")
    return found[0]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        if not isinstance(content.get("labels"), list):
            raise ValueError("it has no list of labels")
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a label file ({error}); fetch this patch again, or pass incomplete='skip' to leave it out"
        ) from error
    return content
