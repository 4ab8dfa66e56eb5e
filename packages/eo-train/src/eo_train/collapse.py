"""Watches the spread of the embeddings: a collapsed network answers every image with one point."""

import warnings

import torch.nn.functional as F
from torch import Tensor


def embedding_std(embeddings: Tensor) -> Tensor:
    """Mean over dimensions of the standard deviation of the L2-normalized rows, (B, D) to a scalar.

    About 1/sqrt(D) when the rows spread over the sphere, near 0 when they have collapsed.
    """
    return F.normalize(embeddings.float(), dim=1).std(dim=0).mean()


class CollapseAlarm:
    """Warns once when the spread has stayed below a share of the healthy 1/sqrt(D).

    Args:
        share: Of 1/sqrt(D), below which a measurement counts as collapsed.
        patience: Measurements in a row that it takes.
    """

    def __init__(self, *, share: float = 0.1, patience: int = 5) -> None:
        self.share, self.patience, self.low, self.rung = share, patience, 0, False

    def watch(self, spread: float, dim: int, step: int) -> None:
        """Takes one measurement of `embedding_std` of embeddings of length `dim`."""
        healthy = dim**-0.5
        self.low = self.low + 1 if spread < self.share * healthy else 0
        if self.low >= self.patience and not self.rung:
            self.rung = True
            warnings.warn(
                f"embeddings have collapsed by step {step}: their spread is {spread:.2g}, healthy is about "
                f"{healthy:.2g}; lower the learning rate, lengthen the warm-up, or raise the temperature",
                RuntimeWarning,
                stacklevel=2,
            )
