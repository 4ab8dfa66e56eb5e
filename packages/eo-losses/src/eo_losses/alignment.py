"""NCE in both directions over a given similarity matrix (HSG-AIML/SSLTransformerRS:utils.py)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_losses.checks import check_finite, check_floating, check_temperature


def symmetric_nce(similarity: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Mean over rows and columns of -log softmax(S/τ)_ii, the alignment of two sensors.

    It is the loss of MMA (doi 10.5194/isprs-annals-V-3-2022-705-2022).

    Args:
        similarity: S, (B, B): row i is sample i in one sensor, column j sample j in the other.
        temperature: τ; > 0.

    Returns:
        Scalar, in nats, averaged over the 2B terms.
    """
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1] or not len(similarity):
        raise ValueError(f"similarity must be (B, B), pairs on its diagonal, got {tuple(similarity.shape)}")
    check_floating("similarity", similarity)
    check_finite("similarity", similarity)
    check_temperature(temperature)
    logits = similarity.to(torch.promote_types(similarity.dtype, torch.float32)) / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


class SymmetricNCELoss(nn.Module):
    """`symmetric_nce` with its temperature remembered. It sees a matrix, not samples, so there is nothing to gather."""

    def __init__(self, *, temperature: float = 0.1) -> None:
        super().__init__()
        check_temperature(temperature)
        self.temperature = temperature

    def forward(self, similarity: Tensor) -> Tensor:
        """Loss of a similarity matrix (B, B)."""
        return symmetric_nce(similarity, temperature=self.temperature)

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}"
