"""Synthetic scenes as anyone's own folder of GeoTIFFs."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eo_data.eurosat import EuroSAT
from eo_data.names import nearest
from eo_data.progress import track
from eo_data.sensors import canonical_bands
from eo_data.synthetic.eurosat import draw_kind, on_10m_grid
from eo_data.synthetic.geotiff import encode
from eo_data.synthetic.root import build_root
from eo_data.synthetic.scenes import Acquisition, scene

_Planes = Mapping[str, npt.NDArray[np.generic]]


def write_geotiff_folder(
    root: str | os.PathLike[str],
    *,
    sensor: str,
    bands: Sequence[str],
    count: int,
    size: int = 64,
    classes: int | None = None,
    seed: int = 0,
) -> Path:
    """Write GeoTIFFs of several bands on a 10 m grid, with the names of the bands as their descriptions.

    Args:
        root: New or empty folder; a folder that holds the same already is left as it is.
        sensor: `sentinel2-l1c`, `sentinel2-l2a`, `sentinel1-grd`, `rgb` or `aerial`.
        bands: Which bands and in which order, in any spelling.
        count: How many files.
        size: Pixels along each side.
        classes: None: files lie in the root and show any place. A number up to ten: they lie in turn in that many
            folders, named for the classes of EuroSAT, and show these.
        seed: The world.

    Returns:
        The root.

    Raises:
        FileExistsError: The root holds something else.
        ValueError: A bad argument.
    """
    if sensor not in _SENSORS:
        raise ValueError(f"no synthetic images of sensor {sensor!r}; {nearest(sensor, _SENSORS)}")
    names = canonical_bands(tuple(bands), sensor)
    if classes is not None and not 1 <= classes <= len(EuroSAT.CLASSES):
        raise ValueError(f"classes must be 1 to {len(EuroSAT.CLASSES)}, or None for no class folders, got {classes}")
    if count < 1 or size < 1:
        raise ValueError(f"count and size must be at least 1, got count={count}, size={size}")
    recipe = {"layout": "geotiff_folder", "sensor": sensor, "bands": list(names), "count": count, "size": size}
    recipe |= {"classes": classes, "seed": seed}

    def build(folder: Path) -> None:
        for number in track(range(count), "Writing synthetic GeoTIFFs"):
            kind = None if classes is None else EuroSAT.CLASSES[number % classes]
            path = folder / (kind or ".") / f"{number:07d}.tif"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(_encode(seed, number, kind, sensor, names, size))

    return build_root(root, recipe, build)


def _encode(seed: int, number: int, kind: str | None, sensor: str, bands: tuple[str, ...], size: int) -> bytes:
    rendered = -(-size // 6) * 6
    product, read = _SENSORS[sensor]
    made = (
        scene(seed, number, rendered, seasons=1, products=[product])
        if kind is None
        else draw_kind(seed, kind, number, rendered, product=product)
    )
    planes = read(made.seasons[0])
    pixels = np.stack([on_10m_grid(planes[band], rendered)[:size, :size] for band in bands])
    return encode(pixels, epsg=made.epsg, origin=made.origin, pixel_size=10, descriptions=bands)


def _rgb(acquisition: Acquisition) -> _Planes:
    return dict(zip("RGB", np.moveaxis(acquisition.rgb(), -1, 0), strict=True))


_SENSORS: dict[str, tuple[str, Callable[[Acquisition], _Planes]]] = {
    "sentinel2-l1c": ("s2c", lambda acquisition: acquisition.s2c),
    "sentinel2-l2a": ("s2a", lambda acquisition: acquisition.s2a),
    "sentinel1-grd": ("s1", lambda acquisition: acquisition.s1),
    "rgb": ("s2c", _rgb),
    "aerial": ("s2c", _rgb),
}
