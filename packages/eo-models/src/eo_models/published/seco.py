"""SeCo, Seasonal Contrast (arXiv 2103.16607; ServiceNow/seasonal-contrast): four ResNets for Sentinel-2 RGB."""

from eo_models.weights import Url, Weights

_BANDS = ("B04", "B03", "B02")
_LOW = {
    "B04": 0,
    "B03": 2,
    "B02": 3,
}  # quantiles of the authors' 8-bit pixels, one step of which is 1/255 of reflectance
_HIGH = {"B04": 129, "B03": 103, "B02": 88}
_STRETCH = {band: 255 / (_HIGH[band] - _LOW[band]) for band in _BANDS}
_MEAN = {"B04": 0.485, "B03": 0.456, "B02": 0.406}  # ImageNet's
_STD = {"B04": 0.229, "B03": 0.224, "B02": 0.225}

# From Level-2A digital numbers to the 8-bit pixels of SeCo's data set (the first three steps; the JPEG compression of
# its files cannot be repeated), then as its loader stretches and normalizes them.
_STEPS: tuple[dict[str, object], ...] = (
    {"op": "affine", "scale": 255 / 10000, "offset": 0},
    {"op": "clip", "min": 0, "max": 255},
    {"op": "floor"},
    {"op": "affine", "scale": _STRETCH, "offset": {band: -_LOW[band] * _STRETCH[band] for band in _BANDS}},
    {"op": "clip", "min": 0, "max": 255},
    {"op": "floor"},
    {"op": "affine", "scale": 1 / 255, "offset": 0},
    {"op": "standardize", "mean": _MEAN, "std": _STD},
)
_TRAPS = (
    "red first: B04, B03, B02",
    "SeCo's own data set holds the 8-bit pixels that the first three steps make: drop them for its files",
    "products of processing baseline 04.00 and later need their +1000 removed first",
    "torchgeo's transform for these weights swaps the bands' quantiles and feeds values up to several hundred",
    "each downstream task of the authors is fed in another way, none of which is the pretraining's",
)


def _seco(name: str, md5: str, size: int | None) -> Weights:
    architecture, data = name.split(".seco_")
    file = f"seco_{architecture}_{data}.ckpt"
    return Weights(
        name=name,
        aliases=(file.removesuffix(".ckpt"), file),
        architecture=architecture,
        source=Url(url=f"https://zenodo.org/record/4728033/files/{file}?download=1", md5=md5),
        filename=file,
        size=size,
        sensor="sentinel2-l2a",
        bands=_BANDS,
        units=("dn",) * 3,
        normalization=_STEPS,
        feature="global average pool of the last map",
        licence="Apache-2.0",  # of the repository; the record's own was not seen
        paper="arXiv:2103.16607",
        notes=_TRAPS,
    )


SECO: tuple[Weights, ...] = (
    _seco("resnet18.seco_100k", "dcf336be31f6c6b0e77dcb6cc958fca8", None),
    _seco("resnet18.seco_1m", "53d5c41d0f479bdfd31d6746ad4126db", None),
    _seco("resnet50.seco_100k", "9672c303f6334ef816494c13b9d05753", None),
    _seco("resnet50.seco_1m", "7b09c54aed33c0c988b425c54f4ef948", None),
)
