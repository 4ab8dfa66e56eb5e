"""SEN12MS: 180,662 places in four seasons, each seen by Sentinel-1, Sentinel-2 and a land-cover map."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from eo_data.crops import Crops
from eo_data.dataset import Product, Transform, choose_products, parts_of
from eo_data.names import choose
from eo_data.patches import Patch, PatchDataset, Patches, Target, parse_patch

_SCENE = re.compile(r"(?P<season>ROIs\d{4}_[a-z]+)\S*?(?:s1|s2|lc)_(?P<scene>\w+)")


class SEN12MS(PatchDataset):
    """SEN12MS (Schmitt et al., arXiv 1906.07789): `{season}/{s1|s2|lc}_{scene}/{season}_{s1|s2|lc}_{scene}_p{n}.tif`.

    Patches of 256 x 256 pixels of 10 m in the seasons `ROIs1158_spring`, `ROIs1868_summer`, `ROIs1970_fall` and
    `ROIs2017_winter`. Files are found by their names, in whatever folders below the root.

    The authors' split is not free to be shipped: `train` and `test` read `train_list.txt` and `test_list.txt` (names of
    files) or `SEN12MS_holdOutScenes.txt` (scenes that are `test`) of their toolbox, put beside the data.

    Args:
        root: The folder.
        split: `all`, `train` or `test`.
        product: `s1` (VV and VH in dB), `s2` (13 bands, L1C), or both.
        bands: Bands wanted, in any order and spelling; for both products a mapping from product to bands.
        target: What to make of the MODIS map (IGBP), in the eight classes of DFC2020: `label` (the commonest class),
            `multilabel` (classes that cover a tenth), `mask`; None: nothing, and the map need not be there.
        size: Side of the part of a patch that a sample shows; None: all of it.
        crops: Which part, where `size` is less than the patch: `tile`: as many samples as cover it, the same every
            time; `centre`; `random`: drawn anew on each reading from torch's global generator, as the authors of
            SSLTransformerRS do, in evaluation too.
        fill: What stands in for NaN and infinite pixels of Sentinel-1, in dB; None: a file with any is refused.
        incomplete: What to do about patches that lack a product: `raise`, or `skip` them and list them in `skipped`.
        transform: Called with each sample.

    Each sample is `{"s1": (2, H, W), "s2": (13, H, W), "id"}` as stored; `image` in place of both for one product; with
    a target `label` and `labelled` (false where most pixels are of no class) or `mask`, where 255 is no class.

    One patch of the archive is damaged, its Sentinel-1 image holds NaN: without `fill` it is left out with Sentinel-1,
    and stands in `skipped`.

    Raises:
        FileNotFoundError: No files of a product, no list of the split, or patches that lack a product.
        ValueError: A bad argument; on reading, a file that is broken, holds NaN or a class out of range.
    """

    PRODUCTS = MappingProxyType(
        {"s1": Product("s1", "sentinel1-grd", "sen12ms"), "s2": Product("s2", "sentinel2-l1c", "sen12ms")}
    )
    SEASONS = ("ROIs1158_spring", "ROIs1868_summer", "ROIs1970_fall", "ROIs2017_winter")
    DAMAGED = Patch("ROIs1868_summer", "146", 202)
    HOLD_OUT = "SEN12MS_holdOutScenes.txt"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: Literal["all", "train", "test"] = "all",
        *,
        product: str | Sequence[str] = ("s1", "s2"),
        bands: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        target: Target | None = None,
        size: int | None = None,
        crops: Crops = "tile",
        fill: float | None = None,
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
    ) -> None:
        self.root = Path(root)
        self.split = choose("split", split, ("all", "train", "test"))
        self.products = choose_products(product, self.PRODUCTS)
        self.describe(parts_of(self.products, self.PRODUCTS, bands))
        patches = Patches(self.root)
        wanted = self._split(patches)
        damaged = self.DAMAGED in wanted and "s1" in self.products and fill is None
        self._fill(
            patches,
            [patch for patch in wanted if not (damaged and patch == self.DAMAGED)],
            target=target,
            labels="lc",
            size=size,
            crops=crops,
            fill=fill,
            incomplete=incomplete,
            transform=transform,
        )
        self.skipped = (*self.skipped, *([str(self.DAMAGED)] if damaged else []))

    def _split(self, patches: Patches) -> list[Patch]:
        for product in self.products:
            if not any(patch.season in self.SEASONS for patch in patches.found.get(product, ())):
                raise FileNotFoundError(
                    f"no {product} patches of SEN12MS under root={str(self.root)!r}; expected "
                    f"{self.root}/{self.SEASONS[0]}/{product}_<scene>/{self.SEASONS[0]}_{product}_<scene>_p<n>.tif"
                )
        there = set().union(*(patches.found[product] for product in self.products))
        every = sorted(patch for patch in there if patch.season in self.SEASONS)
        if self.split == "all":
            return every
        listed, held_out = self.root / f"{self.split}_list.txt", self.root / self.HOLD_OUT
        if listed.is_file():
            return _read_names(listed)
        if held_out.is_file():
            scenes = _read_scenes(held_out)
            return [patch for patch in every if (patch[:2] in scenes) == (self.split == "test")]
        raise FileNotFoundError(
            f"no list of split {self.split!r}: put {listed.name} or {self.HOLD_OUT} of the SEN12MS toolbox into "
            f"{self.root}, or pass split='all'"
        )


def _read_names(path: Path) -> list[Patch]:
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    found = [(line, parse_patch(Path(line).name)) for line in lines]
    for line, patch in found:
        if patch is None:
            raise ValueError(f"{path} lists {line!r}; expected names such as ROIs1158_spring_s2_1_p30.tif")
    return sorted({patch for _, patch in found if patch})


def _read_scenes(path: Path) -> set[tuple[str, ...]]:
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    for line in lines:
        if not _SCENE.search(line):
            raise ValueError(f"{path} lists {line!r}; expected scenes such as ROIs1158_spring_s1/s1_1")
    return {(match["season"], match["scene"]) for line in lines if (match := _SCENE.search(line))}
