"""SoftCon (arXiv 2405.20462; zhu-xlab/softcon): six encoders pretrained on SSL4EO-S12-ML."""

from eo_models.weights import Hub, Weights

_S2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
_S1 = ("VV", "VH")
_VIT = "ed1ab3a30d13704c7db41f13c6a29cd158b22045"
_RESNET = "62ff465b2e7467dbfc70758ec1e9d08ab87fc46b"
_LICENCE = "CC-BY-4.0"  # as torchgeo's tables say; the repository itself licenses only its code, Apache-2.0
_CLS = "class token after the final norm"
_POOLED = "global average pool of the last map"
_TRAPS_S2 = (
    "trained on Level-1C; products of processing baseline 04.00 and later need their +1000 removed first",
    "the input is 0..1 (mean ± 2 std), not the z-score of torchgeo's transform and not reflectance",
    'BigEarthNet has no B10: the authors feed a plane of zeros after normalization, which is missing="zero"',
)
_TRAPS_S1 = (
    "decibels; the authors' later code clamps each image to its own 1 % and 99 % quantiles before the first step",
)

# SSL4EO-S12's statistics (zhu-xlab/SSL4EO-S12:ssl4eo_dataset.py): digital numbers, decibels.
# fmt: off
_MEAN = {
    "B01": 1605.57504906, "B02": 1390.78157673, "B03": 1314.8729939, "B04": 1363.52445545, "B05": 1549.44374991,
    "B06": 2091.74883118, "B07": 2371.7172463, "B08": 2299.90463006, "B8A": 2560.29504086, "B09": 830.06605044,
    "B10": 22.10351321, "B11": 2177.07172323, "B12": 1524.06546312, "VV": -12.54847273, "VH": -20.19237134,
}
_STD = {
    "B01": 786.78685367, "B02": 850.34818441, "B03": 875.06484736, "B04": 1138.84957046, "B05": 1122.17775652,
    "B06": 1161.59187054, "B07": 1274.39184232, "B08": 1248.42891965, "B8A": 1345.52684884, "B09": 577.31607053,
    "B10": 51.15431158, "B11": 1336.09932639, "B12": 1136.53823676, "VV": 5.25697717, "VH": 5.91150917,
}
# fmt: on


def _steps(bands: tuple[str, ...]) -> tuple[dict[str, object], ...]:
    """Mean ± 2 std to 0..255, clipped, truncated as the authors' cast to 8 bit does, then to 0..1."""
    scale = {band: 255 / (4 * _STD[band]) for band in bands}
    return (
        {"op": "affine", "scale": scale, "offset": {b: -(_MEAN[b] - 2 * _STD[b]) * scale[b] for b in bands}},
        {"op": "clip", "min": 0, "max": 255},
        {"op": "floor"},
        {"op": "affine", "scale": 1 / 255, "offset": 0},
    )


def _aliases(*files: str) -> tuple[str, ...]:
    return tuple(name for file in files for name in (file.removesuffix(".pth"), file))


def _softcon(name: str, file: str, revision: str, sha256: str, size: int) -> Weights:
    architecture, sensor = name.split(".softcon_")
    bands = _S2 if sensor == "s2" else _S1
    return Weights(
        name=name,
        aliases=_aliases(file, *([file.replace(".pth", "_enc.pth")] if revision == _VIT else [])),
        architecture=architecture,
        source=Hub(repo_id="wangyi111/softcon", revision=revision, sha256=sha256),
        filename=file,
        size=size,
        sensor="sentinel2-l1c" if sensor == "s2" else "sentinel1-grd",
        bands=bands,
        units=("dn" if sensor == "s2" else "db",) * len(bands),
        normalization=_steps(bands),
        feature=_CLS if architecture.startswith("vit") else _POOLED,
        licence=_LICENCE,
        paper="arXiv:2405.20462",
        notes=_TRAPS_S2 if sensor == "s2" else _TRAPS_S1,
    )


# fmt: off
SOFTCON: tuple[Weights, ...] = (
    _softcon("resnet50.softcon_s2", "B13_rn50_softcon.pth", _RESNET,
             "5f64839824b539fe9c3d93dc651ffd6bfa2a80fb2a88aca1dad56a37946622e6", 94472581),
    _softcon("resnet50.softcon_s1", "B2_rn50_softcon.pth", _RESNET,
             "b61c106107a1f8edb58dc62d3050d119cf6aef6a8a432705b8e0e74a67334521", 94334277),
    _softcon("vit_small_patch14.softcon_s2", "B13_vits14_softcon.pth", _VIT,
             "05f9da0e999aff9aaf8bfd043ce4b8c58b3fca8a45bf8d67c1e79a3b8f8feb2e", 89589310),
    _softcon("vit_small_patch14.softcon_s1", "B2_vits14_softcon.pth", _VIT,
             "bdac4d543e0271e12dce0c975575102201b8e6a016ec72ffccb92c4819c72298", 86277517),
    _softcon("vit_base_patch14.softcon_s2", "B13_vitb14_softcon.pth", _VIT,
             "1b9a18e22bdb02281d19e2b08ecf3d903ad6772028b5500699287886b534bded", 348985918),
    _softcon("vit_base_patch14.softcon_s1", "B2_vitb14_softcon.pth", _VIT,
             "1e5eaf15f0b49a0c669caf98d0fad53f8decf2acc3e909a03b08a0c5c8c8e698", 342362509),
)
# fmt: on
