"""Start pretraining from other weights: everything but the first layer may be kept (SoftCon, arXiv 2405.20462)."""

from pathlib import Path
from typing import Literal

from eo_models.backbone import Backbone
from eo_models.loading import load_checkpoint, open_checkpoint

FirstLayer = Literal["fresh", "file"]


def initialize(model: Backbone, file: str | Path, *, first_layer: FirstLayer = "fresh") -> None:
    """Copies a file's weights into a model, in place, and writes into `model.adaptation` what was done.

    The file is one of the same architecture on any bands, in any layout that `create_model` reads, such as timm's
    DINOv2 or ImageNet weights. What has no place in a backbone (classifier, queue, ...) is left out; positions learned
    on another grid are resampled (bicubic, as DINOv2 does).

    Args:
        model: Backbone at random weights.
        file: safetensors, or saved by torch.
        first_layer: `fresh` leaves the convolution that reads the bands random, as SoftCon does, which found that
            better than inflating RGB filters; `file` copies it, so the file must be of the same number of bands.
    """
    model.adaptation = {"weights": Path(file).name}
    load_checkpoint(model, open_checkpoint(model, Path(file)), fresh_first_layer=first_layer == "fresh")
