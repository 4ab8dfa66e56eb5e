"""A name in, a backbone with a neck, a head, or both out."""

from collections.abc import Mapping
from pathlib import Path

from eo_models.bands import BandsOf, Extra, Missing
from eo_models.classify import Classify, Multilabel
from eo_models.detection import Detect, Instance
from eo_models.fpn import FPN, FPNUpsample
from eo_models.heads import BinarySegment, Regress, Segment
from eo_models.model import HeadBuilder, Model, Neck, NeckBuilder
from eo_models.names import nearest
from eo_models.projection import Projection
from eo_models.request import Request, prepare
from eo_models.satlas_heads import SATLAS_HEADS, usual_neck
from eo_models.seco_unet import Change, SeCoUNet
from eo_models.swin_unet import SwinUNet
from eo_models.weights import PerSensor

NECKS: Mapping[str, NeckBuilder] = {
    "fpn": FPN,
    "fpn+upsample": FPNUpsample,
    "swin_unet": SwinUNet,
    "seco_unet": SeCoUNet,
}
HEADS: Mapping[str, HeadBuilder] = {
    "segment": Segment,
    "binary_segment": BinarySegment,
    "regress": Regress,
    "classify": Classify,
    "multilabel": Multilabel,
    "detect": Detect,
    "instance": Instance,
    "change": Change,
    "projection": Projection,
    **SATLAS_HEADS,
}
"""Heads of a backbone or of any neck; a neck may have its own of the same name (`Neck.heads`)."""


def build_model(
    backbone_name_or_run: str | Path,
    *,
    neck: str | None = None,
    head: str | None = None,
    num_outputs: int | None = None,
    checkpoint: str | Path | None = None,
    pretrained: bool = False,
    bands: BandsOf | None = None,
    missing: Missing | None = None,
    extra: Extra | None = None,
    sensor: PerSensor[str] | None = None,
    img_size: int | None = None,
    verify: bool = False,
) -> Model:
    """A backbone with a neck, a head, or both; what of these the file holds is loaded, the rest is random.

    Args:
        backbone_name_or_run: As `create_model` takes it.
        neck: One of `NECKS`. None leaves the backbone's own maps.
        head: One of `HEADS`, of which `satlas:<task>` are the published ones in Satlas' files. None makes `model(x)`
            give the maps.
        num_outputs: Classes, labels or values that the head tells apart; `detect` and `instance` count the background.
        checkpoint: A local file, of the backbone alone or of the whole model. `model.adaptation["random"]` names the
            parts that it lacks.
        pretrained: As in `create_model`, and so are the others.

    Raises:
        ValueError: Unknown neck or head, two that do not go together, or as `create_model`.
    """
    request = Request(
        name=backbone_name_or_run,
        pretrained=pretrained,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        bands=bands,
        missing=missing,
        extra=extra,
        sensor=sensor,
        img_size=img_size,
        verify=verify,
    )
    for what, asked, known in (("neck", neck, NECKS), ("head", head, _all_heads())):
        if asked is not None and asked not in known:
            raise ValueError(f"unknown {what} {asked!r}; {nearest(asked, known)}")
    if neck is None and head is not None and head in SATLAS_HEADS:
        neck = usual_neck(head)
    prepared = prepare(request)
    backbone = prepared.model
    built = NECKS[neck](backbone) if neck else None
    model = Model(backbone, built, _heads(built)[head](backbone, built, num_outputs) if head else None)
    prepared.load(model.others)
    if head in SATLAS_HEADS and prepared.checkpoint and "random" in model.adaptation:
        file = prepared.checkpoint.file
        raise ValueError(f"{file} does not hold {model.adaptation['random']}: pass the file as published")
    return model if prepared.checkpoint is None else model.eval()


def _heads(neck: Neck | None) -> Mapping[str, HeadBuilder]:
    return {**HEADS, **(neck.heads if neck else {})}


def _all_heads() -> set[str]:
    return {*HEADS, *(head for neck in NECKS.values() for head in getattr(neck, "heads", ()))}
