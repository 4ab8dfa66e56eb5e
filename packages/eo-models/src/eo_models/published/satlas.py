"""SatlasPretrain (arXiv 2211.15660; allenai/satlas): 22 backbones, with their necks and heads."""

from collections.abc import Mapping
from dataclasses import dataclass

from eo_models.backbone import Step
from eo_models.published.satlas_tasks import tasks_of
from eo_models.weights import Hub, Weights

_TCI = ("TCI_R", "TCI_G", "TCI_B")
_MS = (*_TCI, "B05", "B06", "B07", "B08", "B11", "B12")
_LANDSAT = tuple(f"B{number}" for number in range(1, 12))
_8BIT: Step = {"op": "affine", "scale": 1 / 255, "offset": 0}
_CLIP: Step = {"op": "clip", "min": 0, "max": 1}
_TO_MS: Step = {"op": "affine", "scale": {band: 1 / (255 if band in _TCI else 8160) for band in _MS}, "offset": 0}


@dataclass(frozen=True)
class _Imagery:
    sensor: str
    bands: tuple[str, ...]
    units: tuple[str, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


_L1C = "Level-1C; the true-colour image (TCI) is what ESA renders of B04 B03 B02 in 8 bit, not those bands rescaled"
_IMAGERY: Mapping[str, _Imagery] = {
    "s2_rgb": _Imagery("sentinel2-l1c", _TCI, ("uint8",) * 3, (_8BIT,), (_L1C,)),
    "s2_ms": _Imagery(
        "sentinel2-l1c",
        _MS,
        ("uint8",) * 3 + ("dn",) * 6,
        (_TO_MS, _CLIP),
        (
            _L1C,
            "20 m bands are brought to 10 m by pixel repetition; in training they were stored in 8 bit, floor(dn / 32)",
            "whether the +1000 of processing baseline 04.00 was removed is not said; both regimes seem present",
        ),
    ),
    "s1": _Imagery(
        "sentinel1-grd",
        ("VH", "VV"),
        ("amplitude",) * 2,
        (_8BIT, _CLIP),
        (
            "VH first",
            "the 16-bit numbers of GRD products: neither decibels nor sigma0, and no formula from these is known",
        ),
    ),
    "landsat": _Imagery(
        "landsat8",
        _LANDSAT,
        ("dn",) * 11,
        ({"op": "affine", "scale": 1 / 16320, "offset": -4000 / 16320}, _CLIP),
        ("Level-1, Landsat 8 and 9",),
    ),
    "aerial": _Imagery(
        "aerial",
        ("R", "G", "B"),
        ("uint8",) * 3,
        (_8BIT,),
        ("0.5 to 2 m a pixel", "the two aerial files stood under each other's name until 2024-05-09"),
    ),
}
_ARCHITECTURES = {"SwinB": "swin_v2_b", "SwinT": "swin_v2_t", "Resnet50": "resnet50", "Resnet152": "resnet152"}
_SENSORS = {"Sentinel2": "s2", "Sentinel1": "s1", "Landsat": "landsat", "Aerial": "aerial"}
_MULTI = (
    "takes several images of one place; trained on 8 (aerial: 4), where missing ones were all zero and in front",
    "the package of the authors runs the ResNets of this kind on one image only",
)


def _file(identifier: str, sha256: str, size: int | None) -> Weights:
    """Facts of a file by the authors' id, such as `Sentinel2_SwinB_SI_RGB`."""
    sensor, network, images, *channels = identifier.split("_")
    architecture, place = _ARCHITECTURES[network], _SENSORS[sensor]
    imagery = _IMAGERY["_".join([place, *channels]).lower()]
    multi = images == "MI"
    name = "_".join([f"{architecture}.satlas", place, images, *channels]).lower()
    return Weights(
        name=name,
        aliases=(identifier, f"{identifier.lower()}.pth"),
        architecture=f"multi_{architecture}" if multi else architecture,
        source=Hub(repo_id="allenai/satlas-pretrain", revision=None, sha256=sha256),
        filename=f"{identifier.lower()}.pth",
        size=size,
        sensor=imagery.sensor,
        bands=imagery.bands,
        units=imagery.units,
        normalization=imagery.steps,
        feature="mean of the stride-32 map",  # our choice: the authors publish maps only
        licence="ODC-BY",  # so the authors, allenai/satlas#48; the repository's card says Apache-2.0
        paper="arXiv:2211.15660",
        notes=(*imagery.notes, *(_MULTI if multi else ()), f"heads: {' '.join(f'satlas:{t}' for t in tasks_of(name))}"),
    )


# fmt: off
SATLAS: tuple[Weights, ...] = (
    _file("Sentinel2_SwinB_SI_RGB", "94c075a155fc489947dc091305586675649c99c7d8567fe2195792b58875511b", None),
    _file("Sentinel2_SwinB_MI_RGB", "acb8d9761d938975ce7a82c80e786ba6d7c61e2a41432958c37b232be7165994", None),
    _file("Sentinel2_SwinB_SI_MS", "788c3c9c7b74d4128627b4b27ebf3c3d3f715132c31271148f1cd5198b5be99a", None),
    _file("Sentinel2_SwinB_MI_MS", "2b785f158d4385798212e4ed2b226cd5833dde024f46cf032c0b11a5061e707a", None),
    _file("Sentinel1_SwinB_SI", "dc0b48430550c98346c032c05dd82e2467c08d5b9f8a495555956182159c05cd", None),
    _file("Sentinel1_SwinB_MI", "7bc6645807c1cd2b27f8830a0a4772478180769d664956d9d4ab92ffd2cdbacb", 433735650),
    _file("Landsat_SwinB_SI", "62587333785fa0639c0ce7f85016605d38ef40572ef0b5b8d70ad5d45bb8d9a8", 433801378),
    _file("Landsat_SwinB_MI", "c5282d564144e5528af9ab5dbc4584e6ce131d6c47e00038a77050cdcbfd9d32", 433809378),
    _file("Aerial_SwinB_SI", "f8abf21cadaab2a71859e9d172bec4e5d6b7cc9710882a2f6a4d8aae826db036", 504439674),
    _file("Aerial_SwinB_MI", "9c524bb5719401bd4d1b165fa198f6baac3006c53071185f2c2638424a933dba", 503495370),
    _file("Sentinel2_SwinT_SI_RGB", "0a34da8241b81fe3ad672777630baa30b7499bc336779c860af96874be1ced77", None),
    _file("Sentinel2_SwinT_SI_MS", "ea15889fd2feb8723def74b6a650d406296940d3b71cfca0ea50933a95bf2a11", None),
    _file("Sentinel2_SwinT_MI_RGB", "29836beee91c70b8a334af2fcfa0a4cda88d7af8ee06f670c2d14ed6f43c58f7", 225819159),
    _file("Sentinel2_SwinT_MI_MS", "fa902aafa4584516b8b7aef1e24d0db8c64cc81d3cefe091e4929a588e26ab82", 225856023),
    _file("Sentinel2_Resnet50_SI_RGB", "ae3309807bff4d455aaa57f05dd5da89b2c5630b009560d4ee3aeca62c5f524d", None),
    _file("Sentinel2_Resnet50_SI_MS", "e234ef70d0917e58ad75063fdf47bd59f0e164be6ee925bc6c81d0dd888640ac", None),
    _file("Sentinel2_Resnet50_MI_RGB", "5e1ca5089487ce23798e5b478df5f61363a28b1d8c066756c9105b74939e4c19", 215687885),
    _file("Sentinel2_Resnet50_MI_MS", "d7c8309562748e0c16edd6e40643ef63e33705b5e260bfe0aecda0020d8794fb", 215763584),
    _file("Sentinel2_Resnet152_SI_RGB", "68d8bcd51d6de5dddcf22c7a777068d60f7164549e9f6f8cd4120ba1010e7a9e", None),
    _file("Sentinel2_Resnet152_SI_MS", "0f9bde2005649bbac43bd1c9917d591bdd4864137704dc50a2e65b9d6539c6d8", None),
    _file("Sentinel2_Resnet152_MI_RGB", "393c8de14f4c558366c2879012040d13678ce1bc8f5f0ea574a339e8a1f90096", 354848027),
    _file("Sentinel2_Resnet152_MI_MS", "9cf4e7c13181be98f0f3a34997f832b291cb360a2a9ec6fb5e20519f8883a76a", 354923726),
)
# fmt: on
