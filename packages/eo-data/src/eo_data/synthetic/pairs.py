"""Synthetic patches of two sensors with a land-cover map, in the layouts of SEN12MS and DFC2020."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from eo_data.dfc2020 import DFC2020
from eo_data.land_cover import DFC_CLASSES, DFC_TO_LABEL, IGNORE
from eo_data.names import choose
from eo_data.patches import Patch
from eo_data.progress import track
from eo_data.sen12ms import SEN12MS
from eo_data.sensors import SENSORS
from eo_data.synthetic.eurosat import european, on_10m_grid
from eo_data.synthetic.geotiff import encode
from eo_data.synthetic.places import BARE, BUILT, CROPS, FLOODED, GRASS, SHRUB, SNOW, TREES, WATER, Place, draw_place
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import Scene, render
from eo_data.synthetic.sight import Sight, SightName

_SEASONS = dict(zip(SEN12MS.SEASONS, (1, 2, 3, 0), strict=True))  # name of the folder -> number of the season
_DFC = np.array([10, 1, 4, 5, 6, 2, 7, 9, 8], np.uint16)
"""From the covers of the synthetic Earth to the classes of DFC2020 (a savanna it does not know)."""
_MODIS = 50
"""Pixels of 10 m along each side of one of MODIS."""
_PREVAILING = (TREES, SHRUB, GRASS, FLOODED, CROPS, BUILT, BARE, WATER)
"""The cover that makes each of the eight classes."""
_FOUR = (TREES, SHRUB, GRASS, BARE)
_FIRST_PAIRS, _SECOND_PAIRS = {SHRUB: TREES, BARE: GRASS}, {BARE: TREES, GRASS: SHRUB}
_SIGHTS: Mapping[SightName, Mapping[str, Sight]] = {
    "natural": {},
    "complementary": {"s1": Sight(alike=_FIRST_PAIRS), "s2c": Sight(alike=_SECOND_PAIRS)},
    "redundant": {"s1": Sight(alike=_FIRST_PAIRS), "s2c": Sight(alike=_FIRST_PAIRS)},
}
_FOLDERS = {  # of a product of validation, and of test
    "official": ("ROIs0000_validation/{product}_validation", "ROIs0000_test/{product}_0"),
    "scene": ("ROIs0000_validation/{product}_0", "ROIs0000_test/{product}_0"),
    "nested": ("{product}_validation/{product}_validation", "{product}_0"),
}


def write_sen12ms(
    root: str | os.PathLike[str],
    *,
    patches: int,
    scenes: int = 2,
    size: int = 256,
    sight: SightName = "natural",
    seed: int = 0,
) -> Path:
    """Write `{season}/{s1|s2|lc}_{scene}/{season}_{s1|s2|lc}_{scene}_p{n}.tif` for four seasons, with lists of a split.

    Sentinel-1 is float32 dB, Sentinel-2 uint16 digital numbers, 13 bands on a grid of 10 m; the map has the IGBP class
    in pixels of 500 m in its first band, and nothing in the three of LCCS. The last scene of each season is `test`.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        patches: How many in each scene; they are of one kind of place.
        scenes: How many in each season, at least 2.
        size: Pixels along each side of a patch.
        sight: As for `write_dfc2020`, but places of any kind are shown.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    if patches < 1 or scenes < 2 or size < 1:
        raise ValueError(f"patches and size must be at least 1, scenes 2, got {patches=}, {size=}, {scenes=}")
    sights = _SIGHTS[_check_sight(sight)]
    recipe = {"layout": "sen12ms", "patches": patches, "scenes": scenes, "size": size, "sight": sight, "seed": seed}
    every = [Patch(s, str(c), n) for s in _SEASONS for c in range(1, scenes + 1) for n in range(1, patches + 1)]

    def build(folder: Path) -> None:
        for patch in track(every, "Writing synthetic SEN12MS"):
            place = draw_place(generator(seed, "sen12ms", patch.season, int(patch.scene)))
            key = (seed, "sen12ms", patch.season, int(patch.scene), patch.number)
            made = render(
                key, place, -(-size // 6) * 6, [_SEASONS[patch.season]], products=("s1", "s2c"), sights=sights
            )
            written = {**_images(made, size), "lc": _modis(made)[:, :size, :size]}
            _write(folder, "{season}/{product}_{scene}", patch, made, written)
        for split, test in (("train", False), ("test", True)):
            lines = [_name(patch, "s2") for patch in every if (patch.scene == str(scenes)) == test]
            (folder / f"{split}_list.txt").write_text("".join(f"{line}\n" for line in lines))

    return build_root(root, recipe, build)


def write_dfc2020(
    root: str | os.PathLike[str],
    *,
    validation: int,
    test: int,
    size: int = 256,
    folders: Literal["official", "scene", "nested"] = "official",
    sight: SightName = "natural",
    seed: int = 0,
) -> Path:
    """Write patches of DFC2020's two splits with maps of 10 m (`dfc`) and of MODIS (`lc`), each mostly of one class.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        validation: How many patches of that split; the classes take turns.
        test: Likewise.
        size: Pixels along each side.
        folders: `ROIs0000_validation/s1_validation` as the contest's archive has it, `ROIs0000_validation/s1_0` as
            SSLTransformerRS, or `s1_validation/s1_validation` as SupCon_SSL.
        sight: `natural`: all classes, and each sensor sees what it sees. `complementary`: four classes (Forest,
            Shrubland, Grassland, Barren) of which neither sensor sees enough: Sentinel-1 takes the first two for one
            and the last two for one, Sentinel-2 the first and the last, and the two between; both together tell all
            four. `redundant`: both sensors take the same for one, so that the second adds nothing.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    if min(validation, test, size) < 1:
        raise ValueError(f"validation, test and size must be at least 1, got {validation}, {test} and {size}")
    choose("folders", folders, tuple(_FOLDERS))
    covers = _PREVAILING if _check_sight(sight) == "natural" else _FOUR
    recipe = {"layout": "dfc2020", "validation": validation, "test": test, "size": size}
    recipe |= {"folders": folders, "sight": sight, "seed": seed}

    def build(folder: Path) -> None:
        for (split, season), count, where in zip(
            DFC2020.SEASONS.items(), (validation, test), _FOLDERS[folders], strict=True
        ):
            patches = [Patch(season, "0", number) for number in range(count)]
            shown = []
            for patch in track(patches, f"Writing synthetic DFC2020, {split}"):
                made = _draw(seed, split, patch.number, covers[patch.number % len(covers)], size, _SIGHTS[sight])
                cover = _DFC[made.seasons[0].cover[:size, :size]][None]
                shown.append(int(np.bincount(DFC_TO_LABEL[cover].ravel()).argmax()))
                _write(folder, where, patch, made, {**_images(made, size), "lc": _modis(made)[:, :size, :size]})
                _write(folder, where, patch, made, {"dfc": cover})
            _write_lists(folder, split, shown)

    return build_root(root, recipe, build)


def _draw(seed: int, split: str, number: int, cover: int, size: int, sights: Mapping[str, Sight]) -> Scene:
    """A temperate place in summer where one cover prevails; all else about it is drawn alike for every cover."""
    rng = generator(seed, "dfc2020", split, number)
    place = european(draw_place(rng))
    affinity = rng.uniform(-2.5, 0.3, len(place.affinity))
    affinity[cover] = 3.0
    place = replace(
        place,
        affinity=tuple(float(value) for value in affinity),
        sea=float(rng.uniform(0.4, 1.0)) if cover == WATER else -np.inf,
        roads=(),
    )
    key, rendered = (seed, "dfc2020", split, number, "ground"), -(-size // 6) * 6
    return render(key, place, rendered, [2], products=("s1", "s2c"), cloudiness=0.03, sights=sights)


def _images(made: Scene, size: int) -> dict[str, npt.NDArray[np.generic]]:
    season, rendered = made.seasons[0], len(made.seasons[0].cover)
    optical = [on_10m_grid(season.s2c[band], rendered)[:size, :size] for band in SENSORS["sentinel2-l1c"].band_names]
    return {"s1": np.stack([season.s1[band][:size, :size] for band in ("VV", "VH")]), "s2": np.stack(optical)}


def _modis(made: Scene) -> npt.NDArray[np.uint16]:
    """Four bands: the IGBP class that prevails in each pixel of 500 m, and three without content."""
    igbp = _igbp(made.place)[made.seasons[0].cover]
    for row in range(0, len(igbp), _MODIS):
        for column in range(0, len(igbp), _MODIS):
            block = np.s_[row : row + _MODIS, column : column + _MODIS]
            igbp[block] = np.bincount(igbp[block].ravel()).argmax()
    return np.concatenate([igbp[None], np.zeros((3, *igbp.shape), np.uint16)])


def _igbp(place: Place) -> npt.NDArray[np.uint16]:
    """IGBP class of each cover: forests by their leaves, grass of hot places as savanna."""
    classes = np.zeros(9, np.uint16)
    classes[[WATER, FLOODED, CROPS, SHRUB, BUILT, BARE, SNOW]] = 17, 11, 12, 7, 13, 16, 15
    classes[TREES] = 1 if place.conifers > 0.6 else 4 if place.conifers < 0.4 else 5
    classes[GRASS] = 9 if place.warmth > 22 else 10
    return classes


def _write(folder: Path, where: str, patch: Patch, made: Scene, images: Mapping[str, npt.NDArray[np.generic]]) -> None:
    for product, pixels in images.items():
        path = folder / where.format(product=product, season=patch.season, scene=patch.scene) / _name(patch, product)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(pixels, epsg=made.epsg, origin=made.origin, pixel_size=10))


def _name(patch: Patch, product: str) -> str:
    return f"{patch.season}_{product}_{patch.scene}_p{patch.number}.tif"


def _write_lists(folder: Path, split: str, shown: Sequence[int]) -> None:
    """The two lists of SSLTransformerRS: every patch, and rare classes repeated until they are as many."""
    season = {"validation": "VALSET", "test": "TESTSET"}[split]
    rows = [f"Seasons.{season},0,{number}" for number in range(len(shown))]
    (folder / f"{split}_observations.csv").write_text("".join(f"{row}\n" for row in rows))
    counts = np.bincount(shown, minlength=IGNORE + 1)
    most = counts[: len(DFC_CLASSES)].max()
    lines = ["Season,Scene,ID,dfc_label,copy_nr"]
    for row, label in zip(rows, shown, strict=True):
        lines += [f"{row},{label},{copy}" for copy in range(1 if label == IGNORE else most // counts[label])]
    (folder / f"{split}_observations_balanced_classes.csv").write_text("".join(f"{line}\n" for line in lines))


def _check_sight(sight: SightName) -> SightName:
    choose("sight", sight, tuple(_SIGHTS))
    return sight
