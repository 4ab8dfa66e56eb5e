"""SSL4EO-S12-ML: the land-cover classes that each season of an SSL4EO-S12 location shows."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from eo_data.dataset import Sample, Transform
from eo_data.grid import Resolution
from eo_data.progress import track
from eo_data.ssl4eo_s12 import SSL4EOS12, season_folders

_Labels = Mapping[str, Mapping[str, frozenset[int]]]  # location -> season -> class numbers


class SSL4EOS12ML(SSL4EOS12):
    """SSL4EO-S12 with multi-labels from Dynamic World (Wang et al., arXiv 2405.20462).

    The label file maps a location to its Sentinel-2 L1C seasons and those to class numbers. Labels of `s2c` are joined
    by season id, those of `s2a` and `s1` by the place of the season in time, where the label file knows as many seasons
    of the location as there are folders. An empty list means that Dynamic World has no map of that day, not that there
    is nothing to see: such a season is not labelled, and neither is one that the label file does not know.

    Args:
        labels: The label file: a path, or a name in `root` or beside it.
        root, split, product, seasons, bands, resolution, resampling, incomplete, transform: As for `SSL4EOS12`.

    Adds to each sample `label` (T, 9) float32, 0 or 1, all 0 where not labelled, and `labelled` (T,) bool.
    The attribute `unknown_seasons` counts the seasons that the label file does not know.

    Raises:
        FileNotFoundError: No label file, and whatever `SSL4EOS12` misses.
        ValueError: A label file of another form, or one that knows none of the seasons.
    """

    CLASSES = (
        "water",
        "trees",
        "grass",
        "flooded vegetation",
        "crops",
        "shrub and scrub",
        "built",
        "bare",
        "snow and ice",
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        *,
        labels: str | os.PathLike[str] = "ssl4eo_multilabel.json",
        product: str | Sequence[str] = "s2c",
        seasons: int = 4,
        bands: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        resolution: Resolution | None = None,
        resampling: str = "bilinear",
        incomplete: Literal["raise", "skip"] = "raise",
        transform: Transform | None = None,
    ) -> None:
        super().__init__(
            root,
            split,
            product=product,
            seasons=seasons,
            bands=bands,
            resolution=resolution,
            resampling=resampling,
            incomplete=incomplete,
            transform=transform,
        )
        self.classes = self.CLASSES
        self.labels = self._find_labels(Path(labels))
        self._bits, self.unknown_seasons = self._join(_read_labels(self.labels, len(self.CLASSES)))

    def read(self, index: int) -> Sample:
        """The sample as stored, before `transform`."""
        sample = super().read(index)
        bits = torch.from_numpy(self._bits[index])
        sample["label"] = (bits[:, None] >> torch.arange(len(self.CLASSES)) & 1).float()
        sample["labelled"] = bits > 0
        return sample

    def _find_labels(self, labels: Path) -> Path:
        places = dict.fromkeys((self.root / labels, self.root.absolute().parent / labels, labels))
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise FileNotFoundError(
                f"no label file at {', '.join(map(str, places))}; fetch ssl4eo-s12-ml/ssl4eo_multilabel.json "
                "of the data set wangyi111/SSL4EO-S12, or pass labels=PATH"
            )
        return path

    def _join(self, labels: _Labels) -> tuple[npt.NDArray[np.int16], int]:
        """A bit per class for each location and season, none where not labelled; how many seasons are unknown."""
        bits = np.zeros((len(self.ids), self.seasons), np.int16)  # compact: every loader worker may hold a copy
        unknown = 0
        for row, location in enumerate(track(self.ids, "Joining the labels")):
            for column, numbers in enumerate(self._lists(location, labels)):
                bits[row, column] = sum(1 << number for number in numbers or ())
                unknown += numbers is None
        if unknown == bits.size:
            raise ValueError(
                f"{self.labels} knows none of the {unknown} seasons in {self.root}: it has locations such as "
                f"{', '.join(list(labels)[:3])}, the folders are {', '.join(self.ids[:3])}"
            )
        return bits, unknown

    def _lists(self, location: str, labels: _Labels) -> list[frozenset[int] | None]:
        """What the label file says of each season that is read; None where it does not know the season."""
        known = labels.get(_number(location), {})
        folders = season_folders(self.root / ("s2c" if "s2c" in self.products else self.products[0]) / location)
        if "s2c" in self.products:
            return [known.get(folder.name) for folder in folders[: self.seasons]]
        if len(known) != len(folders):
            return [None] * self.seasons
        return [known[season] for season in sorted(known)[: self.seasons]]


def _read_labels(path: Path, classes: int) -> _Labels:
    try:
        content = json.loads(path.read_text())
        return {
            _number(location): {season: _set_of(tuple(numbers), classes) for season, numbers in seasons.items()}
            for location, seasons in content.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        form = '{location: {season: ["0", "4"]}}'
        raise ValueError(f"{path} is not a label file of the form {form}: {error}") from error


@cache  # a million seasons share some hundred lists
def _set_of(numbers: tuple[str, ...], classes: int) -> frozenset[int]:
    found = frozenset(int(number) for number in numbers)
    if not found <= set(range(classes)):
        raise ValueError(f"class numbers run from 0 to {classes - 1}, got {list(numbers)}")
    return found


def _number(location: str) -> str:
    """A location id whatever its width: 0000012 and 12 are one place."""
    return location.lstrip("0") or "0"
