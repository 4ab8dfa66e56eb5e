"""How features are taken and probed: the part of an evaluation that its result rows must repeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eo_data import Step, normalization_for
from eo_eval.feed import Seasons
from eo_eval.protocol import get_protocol
from eo_eval.tokens import check_feature


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything about an evaluation but the model and the data."""

    protocol: str = "recommended"
    """`recommended` or `published`, see `PROTOCOLS`."""
    fraction: float = 1.0
    """Share of the train labels that the probe may see."""
    seed: int = 0
    """Of the fraction, the folds and the bootstrap."""
    feature: str = "default"
    """`default`, `cls`, `patch_mean` or `cls_last4`."""
    image_size: int | None = None
    """Images are resized to this many pixels a side; None: to what a ViT's positions were made for, else as stored."""
    bands: Sequence[str] | None = None
    """Names of the data's channels, for a data set that does not say them."""
    select_bands: bool = False
    """Pick and reorder the data's channels by name, where they are not the model's very bands."""
    normalization: str | Sequence[Step] | None = None
    """Steps from stored pixels to the model's input, or the name of some (`eo_data.normalization_for`); None: the
    model's own, else the ones recommended for the data."""
    seasons: Seasons = "rows"
    """Whether every season of a sample is a row, or the first alone."""
    knn_k: int = 20
    """Number of neighbours."""
    knn_metric: Literal["cosine", "euclidean"] = "cosine"
    """Distance between features."""
    knn_weighting: Literal["distance", "uniform", "softmax"] = "distance"
    """Weight of a neighbour: one over its distance, all alike, or exp(cosine / 0.07) as DINO has it."""
    bootstrap: int = 1000
    """Resamples for the 95 % interval."""
    batch_size: int = 256
    """Images of a forward pass."""
    num_workers: int = 0
    """Processes that read images; 0 reads in this one."""
    device: str | None = None
    """Where the model runs and the probe is fitted; None: where the model is."""

    def __post_init__(self) -> None:
        get_protocol(self.protocol)
        check_feature(self.feature)
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be in (0, 1], got {self.fraction}")

    @property
    def steps(self) -> Sequence[Step] | None:
        """The normalization as steps."""
        return normalization_for(self.normalization) if isinstance(self.normalization, str) else self.normalization
