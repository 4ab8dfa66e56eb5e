"""Anyone's own archive: every GeoTIFF under a folder, all with the same bands."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from rasterio.io import DatasetReader

from eo_data.dataset import ImageDataset, Part, Sample, Transform
from eo_data.names import choose
from eo_data.raster import open_geotiff, read_bands
from eo_data.sensors import canonical_band, canonical_bands, units_of


class GeoTIFFFolder(ImageDataset):
    """GeoTIFFs of one sensor found under a folder, in the order of their paths.

    Args:
        root: The folder.
        sensor: A key of `SENSORS`.
        bands: What the channels of each file are, in the order of the file, in any spelling.
        pattern: Which files, as in `Path.glob`.
        labels: `folder`: the name of the folder that holds a file is its class; classes are sorted by name.
        unit: What a stored number means, if it is not the sensor's usual (`SENSORS`): `reflectance`, `amplitude`, ...
        transform: Called with each sample.

    Each sample is `{"image": (C, H, W) as stored, "id": path under root without suffix, "bounds": (4,)}`, with `crs`
    where the file has one and `label` (int64) if asked for. `bounds` are left, bottom, right, top in the file's own
    coordinate system, `crs`; in pixels, if the file does not say where on Earth it lies.

    Raises:
        FileNotFoundError: No folder, or no such files in it.
        ValueError: A bad argument; a file that is broken, holds NaN, has another number of bands, or whose band
            descriptions say that the order is another: nothing is put in order silently.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        sensor: str,
        bands: Sequence[str],
        pattern: str = "**/*.tif",
        labels: Literal["folder"] | None = None,
        unit: str | None = None,
        transform: Transform | None = None,
    ) -> None:
        self.root = Path(root)
        self.split = "all"
        names = canonical_bands(bands, sensor)
        units = units_of(names, sensor) if unit is None else (unit,) * len(names)
        self.describe({"image": Part(sensor, names, units, None)})
        self.transform = transform
        self._paths = self._find(pattern)
        self.ids = tuple(path.removesuffix(Path(path).suffix) for path in self._paths)
        self.classes = None if labels is None else self._find_classes(choose("labels", labels, ("folder",)))
        with open_geotiff(self.root / self._paths[0]) as file:
            self._check(file, self.root / self._paths[0])

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        path = self.root / self._paths[index]
        with open_geotiff(path, georeferenced=True) as file:
            self._check(file, path)
            image = torch.from_numpy(read_bands(file, path, self.bands, file_bands=self.bands))
            bounds, crs = torch.tensor(tuple(file.bounds), dtype=torch.float64), file.crs
        sample: Sample = {"image": image, "id": self.ids[index], "bounds": bounds}
        if crs:
            sample["crs"] = crs.to_string()
        if self.classes is not None:
            sample["label"] = torch.tensor(self.classes.index(path.parent.name))
        return sample

    def _find(self, pattern: str) -> tuple[str, ...]:
        if not self.root.is_dir():
            raise FileNotFoundError(f"root={str(self.root)!r} is not a folder")
        paths = sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern) if path.is_file())
        if not paths:
            there = sorted({path.suffix for path in self.root.rglob("*") if path.is_file()})
            raise FileNotFoundError(
                f"no file matches {pattern!r} under root={str(self.root)!r}, which holds "
                f"{'files ending in ' + ', '.join(map(repr, there)) if there else 'no files'}; pass pattern="
            )
        return tuple(paths)

    def _find_classes(self, labels: str) -> tuple[str, ...]:
        bare = [path for path in self._paths if "/" not in path]
        if bare:
            raise ValueError(f"labels={labels!r} needs a folder per class; {self.root / bare[0]} lies in none")
        return tuple(sorted({Path(path).parent.name for path in self._paths}))

    def _check(self, file: DatasetReader, path: Path) -> None:
        """Refuse another number of bands, and descriptions inside the file that contradict `bands`."""
        if file.count != len(self.bands):
            raise ValueError(
                f"{path} has {file.count} bands, expected {len(self.bands)} ({', '.join(self.bands)}); "
                "say in bands= what the channels of the files are"
            )
        described = [_band_or_none(text, self.sensor) for text in file.descriptions]
        if any(found not in (None, band) for found, band in zip(described, self.bands, strict=True)):
            raise ValueError(
                f"{path} describes its bands as {', '.join(map(str, file.descriptions))}, but bands= says "
                f"{', '.join(self.bands)}; pass bands in the order of the file"
            )


def _band_or_none(description: str | None, sensor: str) -> str | None:
    """The band that a description names, None where it is free text or missing."""
    try:
        return canonical_band(description or "", sensor)
    except ValueError:
        return None
