"""Synthetic scenes of the ten classes of EuroSAT, in its two layouts."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from eo_data.eurosat import EuroSAT
from eo_data.names import choose
from eo_data.progress import track
from eo_data.synthetic.fields import enlarge
from eo_data.synthetic.geotiff import encode
from eo_data.synthetic.places import ABSENT, Place, draw_place
from eo_data.synthetic.randomness import generator
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import Scene, render

_SIZE = 64
_RENDERED = 66
"""The next size at which pixels of 10, 20 and 60 m share their borders; the rest is cut away."""
_SPLITS = ("train", "val", "test")


def write_eurosat(
    root: str | os.PathLike[str],
    *,
    images: Literal["rgb", "ms"] = "rgb",
    per_class: tuple[int, int, int],
    seed: int = 0,
) -> Path:
    """Write images of 64 × 64 pixels in the layout of EuroSAT, with the lists of its splits beside them.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        images: `rgb`: JPEG in `2750/<Class>/`. `ms`: GeoTIFF of 13 bands, B8A last, in
            `ds/images/remote_sensing/otherDatasets/sentinel_2/tif/<Class>/`.
        per_class: How many images of each class are in train, val and test.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    choose("images", images, ("rgb", "ms"))
    if len(per_class) != 3 or min(per_class) < 0 or sum(per_class) < 1:
        raise ValueError(f"per_class must be three counts (train, val, test), at least one above 0, got {per_class}")
    recipe = {"layout": "eurosat", "images": images, "per_class": list(per_class), "seed": seed}

    def build(folder: Path) -> None:
        write = _WRITERS[images]
        names = [(kind, number) for kind in EuroSAT.CLASSES for number in range(1, sum(per_class) + 1)]
        for kind, number in track(names, "Writing synthetic EuroSAT"):
            path = folder / EuroSAT.FOLDERS[images][0] / kind / f"{kind}_{number}{EuroSAT.SUFFIXES[images]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, draw_kind(seed, kind, number, _RENDERED))
        _write_lists(folder, per_class)

    return build_root(root, recipe, build)


def draw_kind(seed: int, kind: str, number: int, size: int, *, product: str = "s2c") -> Scene:
    """One scene that shows a class of EuroSAT, free of snow and with little cloud."""
    rng = generator(seed, kind, number)
    place = _MAKERS[kind](rng, european(draw_place(rng)))
    season = int(rng.choice([1, 2, 3], p=[0.25, 0.5, 0.25]))
    return render((seed, kind, number), place, size, [season], products=[product], cloudiness=0.03)


def on_10m_grid(pixels: npt.NDArray[np.generic], size: int) -> npt.NDArray[np.generic]:
    """A band at the size of the 10 m bands, (H, W), by bilinear interpolation; its dtype stays."""
    factor = size // len(pixels)
    if factor == 1:
        return pixels
    return np.rint(enlarge(pixels.astype(np.float32), factor)).astype(pixels.dtype)


def _write_rgb(path: Path, scene: Scene) -> None:
    Image.fromarray(scene.seasons[0].rgb()[:_SIZE, :_SIZE]).save(path, quality=92)


def _write_ms(path: Path, scene: Scene) -> None:
    bands = scene.seasons[0].s2c
    pixels = np.stack([on_10m_grid(bands[band], _RENDERED)[:_SIZE, :_SIZE] for band in EuroSAT.MS_FILE_BANDS])
    path.write_bytes(encode(pixels, epsg=scene.epsg, origin=scene.origin, pixel_size=10))


_WRITERS: dict[str, Callable[[Path, Scene], None]] = {"rgb": _write_rgb, "ms": _write_ms}


def _write_lists(folder: Path, per_class: tuple[int, int, int]) -> None:
    start = 1
    for split, count in zip(_SPLITS, per_class, strict=True):
        names = [f"{kind}_{number}.jpg" for kind in EuroSAT.CLASSES for number in range(start, start + count)]
        (folder / f"eurosat-{split}.txt").write_text("".join(f"{name}\n" for name in names))
        start += count


def european(place: Place) -> Place:
    """A place of temperate Europe without river, lake or sea, as EuroSAT's."""
    latitude = 36 + abs(place.latitude) % 24
    return replace(
        place,
        latitude=latitude,
        longitude=-9 + abs(place.longitude) % 38,
        warmth=17.0,
        aridity=0.75 * place.aridity,
        altitude=0.0,
        relief=0.12 * place.relief,
        rivers=(),
        lakes=-np.inf,
        sea=-np.inf,
        roads=tuple(width for width in place.roads if width < 1.5),
        pivots=False,
    )


def _cover(**affinity: float) -> tuple[float, ...]:
    """Affinities of the covers named, all others absent; a name is the first word of its cover."""
    order = ("water", "trees", "grass", "flooded", "crops", "shrub", "built", "bare", "snow")
    return tuple(affinity.get(name, ABSENT) for name in order)


def _annual_crop(rng: np.random.Generator, place: Place) -> Place:
    width = rng.uniform(12, 30)
    return replace(
        place,
        affinity=_cover(crops=4.0, trees=0.2, grass=0.0),
        field_size=(width, width * rng.uniform(1.0, 2.5)),
        crop_shares=(0.5, 0.35, 0.03, 0.12),
        orchards=0.0,
        hedges=0.3 * place.hedges,
        field_bend=rng.uniform(0, 2),
    )


def _forest(rng: np.random.Generator, place: Place) -> Place:
    return replace(
        place, affinity=_cover(trees=4.0, grass=rng.uniform(-0.5, 1.5)), roads=(), relief=rng.uniform(5, 250)
    )


def _herbaceous(rng: np.random.Generator, place: Place) -> Place:
    affinity = _cover(grass=2.0, shrub=rng.uniform(0.5, 2), bare=rng.uniform(-0.5, 1), trees=rng.uniform(-2, 0.3))
    return replace(place, affinity=affinity, aridity=rng.uniform(0.3, 0.75), relief=rng.uniform(10, 260))


def _highway(rng: np.random.Generator, place: Place) -> Place:
    affinity = _cover(crops=rng.uniform(0, 2), grass=1.0, trees=rng.uniform(-1, 0.8), built=rng.uniform(-1, 0.8))
    return replace(place, affinity=affinity, roads=(rng.uniform(2.0, 3.2), *place.roads[:1]))


def _industrial(rng: np.random.Generator, place: Place) -> Place:
    affinity = _cover(built=4.0, grass=1.0, crops=rng.uniform(-1, 2.5))
    return replace(place, affinity=affinity, industry=rng.uniform(0.75, 0.97), gardens=rng.uniform(0, 0.2))


def _pasture(rng: np.random.Generator, place: Place) -> Place:
    width = rng.uniform(9, 22)
    return replace(
        place,
        affinity=_cover(crops=3.0, grass=rng.uniform(0, 2.5), trees=rng.uniform(-0.5, 0.8)),
        crop_shares=(0.0, 0.04, 0.96, 0.0),
        field_size=(width, width * rng.uniform(1.0, 1.8)),
        field_bend=rng.uniform(3, 8),
        hedges=rng.uniform(0.2, 0.9),
        orchards=0.0,
        aridity=rng.uniform(0.05, 0.3),
    )


def _permanent_crop(rng: np.random.Generator, place: Place) -> Place:
    width = rng.uniform(6, 12)
    return replace(
        place,
        affinity=_cover(crops=4.0, shrub=0.5, trees=0.0),
        field_size=(width, width * rng.uniform(1.0, 2.5)),
        orchards=rng.uniform(0.7, 1.0),
        crop_shares=(0.2, 0.1, 0.1, 0.6),
        aridity=rng.uniform(0.3, 0.7),
        soils=tuple(float(share) for share in rng.dirichlet([0.3, 1.0, 1.0])),
    )


def _residential(rng: np.random.Generator, place: Place) -> Place:
    affinity = _cover(built=4.0, grass=0.5, trees=rng.uniform(-0.5, 1.0))
    return replace(place, affinity=affinity, industry=0.03, gardens=rng.uniform(0.08, 0.45))


def _river(rng: np.random.Generator, place: Place) -> Place:
    affinity = _cover(crops=rng.uniform(-0.5, 2), grass=1.0, trees=rng.uniform(0, 1.5), built=rng.uniform(-1, 0.6))
    return replace(place, affinity=affinity, rivers=(rng.uniform(7, 18),), turbidity=rng.uniform(0, 1), relief=10.0)


def _sea_lake(rng: np.random.Generator, place: Place) -> Place:
    affinity = _cover(crops=0.5, grass=0.5, shrub=0.5, bare=0.3, trees=0.3)
    return replace(place, affinity=affinity, sea=2.0 if rng.random() < 0.85 else 0.55, roads=())


_MAKERS: dict[str, Callable[[np.random.Generator, Place], Place]] = {
    "AnnualCrop": _annual_crop,
    "Forest": _forest,
    "HerbaceousVegetation": _herbaceous,
    "Highway": _highway,
    "Industrial": _industrial,
    "Pasture": _pasture,
    "PermanentCrop": _permanent_crop,
    "Residential": _residential,
    "River": _river,
    "SeaLake": _sea_lake,
}
