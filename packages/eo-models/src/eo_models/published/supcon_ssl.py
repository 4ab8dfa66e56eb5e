"""SupCon_SSL (bakiuzun/SupCon_SSL): two-sensor models fine-tuned with a supervised contrastive loss.

Its fourth file, DualResnet50, is SSLTransformerRS' `dual_resnet50.sen12ms`.
"""

from types import MappingProxyType

from eo_models.backbone import Step
from eo_models.published import ssltransformerrs
from eo_models.weights import Drive, Weights

METERML_BANDS = MappingProxyType({"s1": ("VV", "VH"), "s2": ("B04", "B03", "B02", "B08")})
_UNITS = MappingProxyType({"s1": ("dn",) * 2, "s2": ("dn",) * 4})
_MEAN = {"VV": 1652.7944, "VH": 1258.3584, "B04": 1025.2214, "B03": 1138.3673, "B02": 1194.6796, "B08": 2637.0828}
_STD = {"VV": 290.2874, "VH": 280.4149, "B04": 724.7973, "B03": 545.1207, "B02": 514.9276, "B08": 1051.9325}
_FOLDER = "the Google Drive folder that the README of github.com/bakiuzun/SupCon_SSL links"
_PAPER = "P. Berg, B. Uzun, M.-T. Pham, N. Courty, IEEE GRSL 2024"
_METERML_TRAPS = (
    "72x72 pixels as METER-ML has them; red, green, blue, near infrared",
    "METER-ML's Sentinel-1 is scaled to whole numbers up to 4095, not decibels",
    "some 564 MB; the file may be called otherwise than in the authors' scripts, from which its name here is",
    "each sensor's encoder holds a stem for the other one, which is never used and left out",
)


def _steps(sensor: str) -> tuple[Step, ...]:
    bands = METERML_BANDS[sensor]
    return ({"op": "standardize", "mean": {b: _MEAN[b] for b in bands}, "std": {b: _STD[b] for b in bands}},)


def _meterml(name: str, title: str, file: str, *notes: str) -> Weights:
    return Weights(
        name=name,
        aliases=(title, file),
        architecture="dual_small_alexnet",
        source=Drive(where=f"{_FOLDER}, where it is called {title}"),
        filename=file,
        size=None,
        sensor=ssltransformerrs.SENSORS,
        bands=METERML_BANDS,
        units=_UNITS,
        normalization=MappingProxyType({sensor: _steps(sensor) for sensor in METERML_BANDS}),
        feature="two unit vectors of 128, Sentinel-1 first",
        licence=ssltransformerrs.LICENCE,
        paper=_PAPER,
        notes=(*_METERML_TRAPS, *notes),
    )


SUPCON_SSL: tuple[Weights, ...] = (
    _meterml("dual_small_alexnet.meterml", "SmallAlexNet", "meter-ml_directory_model_dual_120ep_no_pairs_0.pckl"),
    _meterml(
        "dual_small_alexnet.meterml_supcon",
        "FineTunedSmallAlexNet",
        "meterml_100SUP_100CROSS_4run__average_61.64_epoch_107.pth",
        "the classifier that was trained with it is not in the file",
    ),
    Weights(
        name="dual_resnet50.dfc2020_supcon",
        aliases=(
            "FineTunedDualResnet50",
            "dfc_100SUP_100_CROSS_1_IMG224_BATCH32__average55.64_overall72.60_epoch175.pth",
        ),
        architecture="dual_resnet50",
        source=Drive(where=f"{_FOLDER}, where it is called FineTunedDualResnet50"),
        filename="dfc_100SUP_100_CROSS_1_IMG224_BATCH32__average55.64_overall72.60_epoch175.pth",
        size=None,
        sensor=ssltransformerrs.SENSORS,
        bands=ssltransformerrs.BANDS,
        units=ssltransformerrs.UNITS,
        normalization=ssltransformerrs.STEPS,
        feature="two projections of 128, Sentinel-1 first, not normalized: what the classifier was trained on",
        licence=ssltransformerrs.LICENCE,
        paper=_PAPER,
        notes=(
            *ssltransformerrs.TRAPS,
            'its classifier of 8 classes comes with build_model(name, head="classify", num_outputs=8, checkpoint=...)',
        ),
    ),
)
