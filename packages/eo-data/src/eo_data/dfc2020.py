"""DFC2020: SEN12MS's sensors with land-cover maps of 10 m, for classification and segmentation."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from eo_data.crops import Crops
from eo_data.dataset import Product, Transform, choose_products, parts_of
from eo_data.land_cover import IGNORE
from eo_data.names import choose
from eo_data.patches import Patch, PatchDataset, Patches, Target
from eo_data.progress import track


class DFC2020(PatchDataset):
    """DFC2020 (IEEE GRSS Data Fusion Contest 2020, doi 10.21227/rha7-m332): 986 validation and 5,128 test patches.

    Files are called `ROIs0000_{validation|test}_{s1|s2|lc|dfc}_{scene}_p{n}.tif` and are found by these names: their
    folders are `ROIs0000_validation/s1_validation`, `ROIs0000_validation/s1_0`, `s1_validation/s1_validation`,
    `ROIs0000_test/s1_0` or `s1_0`, depending on who unpacked them. SSLTransformerRS and SupCon_SSL learn from
    `validation` and score on `test`.

    Args:
        root: The folder.
        split: `validation` or `test`.
        product: `s1` (VV and VH in dB), `s2` (13 bands, L1C), or both.
        bands: Bands wanted, in any order and spelling; for both products a mapping from product to bands.
        target: `label`: the commonest class, 255 (none) competing; `multilabel`: the classes that cover a tenth of the
            pixels; `mask`: the class of every pixel; None: nothing. Of the part that the sample shows.
        labels: `dfc`: the contest's map of 10 m. `lc`: MODIS's (IGBP), a far coarser one.
        balanced: Repeat patches of rare classes as often as `validation_observations_balanced_classes.csv` says, if it
            lies in the root, else as often as that list does for their class (`COPIES`).
        size, crops, fill, incomplete, transform: As for `SEN12MS`; `tile` covers the whole of a test patch, where the
            authors score a random part of it.

    Each sample is `{"s1": (2, H, W), "s2": (13, H, W), "id"}` as stored; `image` in place of both for one product; with
    a target `label` and `labelled` (false where most pixels are of no class) or `mask`, where 255 is no class.

    Raises:
        FileNotFoundError: No files of a product, or patches that lack one.
        ValueError: A bad argument; on reading, a file that is broken, holds NaN or a class out of range.
    """

    PRODUCTS = MappingProxyType(
        {"s1": Product("s1", "sentinel1-grd", "sen12ms"), "s2": Product("s2", "sentinel2-l1c", "sen12ms")}
    )
    SEASONS = MappingProxyType({"validation": "ROIs0000_validation", "test": "ROIs0000_test"})
    COPIES = (4, 9, 3, 2, 2, 5, 15, 1)
    """How often the authors' balanced list repeats a validation patch, by its commonest class."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Literal["validation", "test"],
        *,
        product: str | Sequence[str] = ("s1", "s2"),
        bands: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        target: Target | None = "label",
        labels: Literal["dfc", "lc"] = "dfc",
        balanced: bool = False,
        size: int | None = None,
        crops: Crops = "tile",
        fill: float | None = None,
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
    ) -> None:
        self.root = Path(root)
        self.split = choose("split", split, tuple(self.SEASONS))
        self.products = choose_products(product, self.PRODUCTS)
        self.describe(parts_of(self.products, self.PRODUCTS, bands))
        self.labels = choose("labels", labels, ("dfc", "lc"))
        patches = Patches(self.root)
        wanted = self._find(patches)
        self._fill(
            patches,
            self._balance(patches, wanted) if balanced else wanted,
            target=target,
            labels=labels,
            size=size,
            crops=crops,
            fill=fill,
            incomplete=incomplete,
            transform=transform,
        )

    def _find(self, patches: Patches) -> list[Patch]:
        season = self.SEASONS[self.split]
        found = {
            product: {patch for patch in patches.found.get(product, ()) if patch.season == season}
            for product in self.products
        }
        for product, of in found.items():
            if not of:
                raise FileNotFoundError(
                    f"no {product} files of DFC2020's {self.split} split under root={str(self.root)!r}; expected names "
                    f"such as {self.root}/{season}/{product}_0/{season}_{product}_0_p0.tif"
                )
        return sorted(set().union(*found.values()))

    def _balance(self, patches: Patches, wanted: list[Patch]) -> list[Patch]:
        """Every patch with its copies, which follow it."""
        path = self.root / f"{self.split}_observations_balanced_classes.csv"
        if path.is_file():
            return [Patch(self.SEASONS[self.split], scene, number) for scene, number in _read_list(path)]
        copies = {patch: self._copies(patches, patch) for patch in track(wanted, "Counting classes")}
        return [patch for patch, count in copies.items() for _ in range(count)]

    def _copies(self, patches: Patches, patch: Patch) -> int:
        if patch not in patches.found.get(self.labels, ()):
            return 1  # whether it may be left out is decided with the other files that lack
        label = patches.commonest(patch, self.labels)
        return 1 if label == IGNORE else self.COPIES[label]


def _read_list(path: Path) -> list[tuple[str, int]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"Scene", "ID"} <= rows[0].keys():
        raise ValueError(f"{path} has no rows with the columns Season, Scene, ID; fetch it again or remove it")
    return [(row["Scene"], int(row["ID"])) for row in rows]
