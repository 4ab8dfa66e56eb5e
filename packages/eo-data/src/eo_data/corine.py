"""The land-cover names of BigEarthNet: CORINE's third level as far as it occurs, and the 19 classes made of it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from eo_data.names import nearest

CLASSES19 = (
    "Urban fabric",
    "Industrial or commercial units",
    "Arable land",
    "Permanent crops",
    "Pastures",
    "Complex cultivation patterns",
    "Land principally occupied by agriculture, with significant areas of natural vegetation",
    "Agro-forestry areas",
    "Broad-leaved forest",
    "Coniferous forest",
    "Mixed forest",
    "Natural grassland and sparsely vegetated areas",
    "Moors, heathland and sclerophyllous vegetation",
    "Transitional woodland/shrub",
    "Beaches, dunes, sands",
    "Inland wetlands",
    "Coastal wetlands",
    "Inland waters",
    "Marine waters",
)
"""The classes of BigEarthNet-MM and of v2, in their usual order (Sumbul et al., arXiv 2105.07921)."""

# CORINE's code, its name, and where that is among the 19 classes; None: dropped there.
CORINE: tuple[tuple[int, str, int | None], ...] = (
    (111, "Continuous urban fabric", 0),
    (112, "Discontinuous urban fabric", 0),
    (121, "Industrial or commercial units", 1),
    (122, "Road and rail networks and associated land", None),
    (123, "Port areas", None),
    (124, "Airports", None),
    (131, "Mineral extraction sites", None),
    (132, "Dump sites", None),
    (133, "Construction sites", None),
    (141, "Green urban areas", None),
    (142, "Sport and leisure facilities", None),
    (211, "Non-irrigated arable land", 2),
    (212, "Permanently irrigated land", 2),
    (213, "Rice fields", 2),
    (221, "Vineyards", 3),
    (222, "Fruit trees and berry plantations", 3),
    (223, "Olive groves", 3),
    (231, "Pastures", 4),
    (241, "Annual crops associated with permanent crops", 3),
    (242, "Complex cultivation patterns", 5),
    (243, "Land principally occupied by agriculture, with significant areas of natural vegetation", 6),
    (244, "Agro-forestry areas", 7),
    (311, "Broad-leaved forest", 8),
    (312, "Coniferous forest", 9),
    (313, "Mixed forest", 10),
    (321, "Natural grassland", 11),
    (322, "Moors and heathland", 12),
    (323, "Sclerophyllous vegetation", 12),
    (324, "Transitional woodland/shrub", 13),
    (331, "Beaches, dunes, sands", 14),
    (332, "Bare rock", None),
    (333, "Sparsely vegetated areas", 11),
    (334, "Burnt areas", None),
    (411, "Inland marshes", 15),
    (412, "Peatbogs", 15),
    (421, "Salt marshes", 16),
    (422, "Salines", 16),
    (423, "Intertidal flats", None),
    (511, "Water courses", 17),
    (512, "Water bodies", 17),
    (521, "Coastal lagoons", 18),
    (522, "Estuaries", 18),
    (523, "Sea and ocean", 18),
)
CLASSES43 = tuple(sorted(name for _, name, _ in CORINE))
"""The 43 names in alphabetical order, which is SeCo's; TorchGeo's is that of the codes."""

_SPELLINGS = {"Transitional woodland, shrub": "Transitional woodland/shrub"}  # v2 and TorchGeo write a comma
_FROM43: Mapping[str, int | None] = MappingProxyType({name: index for _, name, index in CORINE})
_INDEX: Mapping[int, Mapping[str, int | None]] = MappingProxyType(
    {
        43: MappingProxyType({name: index for index, name in enumerate(CLASSES43)}),
        # several names are both CORINE's and a class of the 19; they mean the same there
        19: MappingProxyType({**{name: index for index, name in enumerate(CLASSES19)}, **_FROM43}),
    }
)


def classes_of(number: int) -> tuple[str, ...]:
    """The names of the nomenclature with this many classes, 19 or 43."""
    if number not in _INDEX:
        raise ValueError(f"num_classes must be 19 or 43, got {number!r}")
    return CLASSES19 if number == 19 else CLASSES43


def multi_hot(names: Iterable[str], number: int) -> Tensor:
    """Labels as a float32 vector of 19 or 43 numbers, 0 or 1.

    Names of CORINE's third level fall into their class of the 19; eleven of them have none there and are dropped, so
    that a vector can be all zero.

    Raises:
        ValueError: A name outside the nomenclature; the message offers the nearest.
    """
    label = torch.zeros(len(classes_of(number)))
    for name in names:
        known = _SPELLINGS.get(name, name)
        if known not in _INDEX[number]:
            raise ValueError(f"unknown land cover {name!r}; {nearest(str(name), _INDEX[number])}")
        index = _INDEX[number][known]
        if index is not None:
            label[index] = 1
    return label
