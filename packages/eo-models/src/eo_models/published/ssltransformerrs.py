"""SSLTransformerRS (HSG-AIML/SSLTransformerRS): three two-sensor models pretrained on SEN12MS."""

from types import MappingProxyType

from eo_models.weights import Drive, Weights

SENSORS = MappingProxyType({"s1": "sentinel1-grd", "s2": "sentinel2-l1c"})
BANDS = MappingProxyType(
    {
        "s1": ("VV", "VH"),
        "s2": ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"),
    }
)
UNITS = MappingProxyType({"s1": ("db",) * 2, "s2": ("dn",) * 13})
STEPS = MappingProxyType(
    {
        "s1": (
            {"op": "clip", "min": -25, "max": 0},
            {"op": "affine", "scale": 1, "offset": 25},
            {"op": "per_image_max"},
        ),
        "s2": ({"op": "clip", "min": 0, "max": 10000}, {"op": "per_image_max"}),
    }
)
"""Run after cropping: every channel of every crop is divided by its own maximum."""
LICENCE = "none stated: the repository has no licence file and the weights name none"
TRAPS = (
    "crop first: each channel of each crop is divided by its own greatest value, not by 10000",
    "all 13 bands, B10 too",
    "the authors' file names are generic (resnet50.pth, swin_t.pth): tell the file by its keys",
)


def _sen12ms(
    architecture: str, files: tuple[str, ...], drive_id: str, feature: str, paper: str, *notes: str
) -> Weights:
    return Weights(
        name=f"{architecture}.sen12ms",
        aliases=files,
        architecture=architecture,
        source=Drive(where=f"https://drive.google.com/file/d/{drive_id}/view"),
        filename=files[0],
        size=None,
        sensor=SENSORS,
        bands=BANDS,
        units=UNITS,
        normalization=STEPS,
        feature=feature,
        licence=LICENCE,
        paper=paper,
        notes=(*TRAPS, *notes),
    )


_POOLED = "global average pools of both last maps, Sentinel-1 first"
_ISPRS, _CVPRW = "doi:10.5194/isprs-annals-V-3-2022-705-2022", "doi:10.1109/cvprw56347.2022.00148"
_HEADS = "the heads that the loss saw are kept: model.s1.project(x), (B, 128)"

SSLTRANSFORMERRS: tuple[Weights, ...] = (
    _sen12ms("dual_resnet18", ("resnet18.pth",), "1vbj9WVK-MZNuAJGEOGEvE663b9BUwPSh", _POOLED, _ISPRS, _HEADS),
    _sen12ms(
        "dual_resnet50",
        ("resnet50.pth", "DualResnet50", "simclr-double-backbone-still-mountain-55-epoch100.pth"),
        "1txqsNLUhIiQXRxflK_SMHn4y7Pp8o3mZ",
        _POOLED,
        _ISPRS,
        _HEADS,
    ),
    _sen12ms(
        "dual_swin_tiny",
        ("swin_t.pth",),
        "1e7QhC2-zoBFgb65yN1ADWBZLMShHOweY",
        "mean tokens of both after the final norm, Sentinel-1 first",
        _CVPRW,
        "trained at 224 pixels and a constant learning rate of 5e-7, whatever the paper's schedule says",
        "its two 1000-way heads were never trained and are left out",
    ),
)
