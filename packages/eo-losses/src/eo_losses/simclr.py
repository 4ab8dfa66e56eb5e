"""NT-Xent, the loss of SimCLR (arXiv 2002.05709)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def nt_xent(z1: Tensor, z2: Tensor, *, temperature: float = 0.1, normalize: bool = True) -> Tensor:
    """Normalized-temperature cross entropy of two views (SimCLR, arXiv 2002.05709, Eq. 1).

    Args:
        z1: Projections of the first view, (B, D), any scale.
        z2: Projections of the second view; row i matches row i of `z1`.
        temperature: Divides the similarities; > 0.
        normalize: Divide every row by its length first; `False` takes the rows as they come.

    Returns:
        Scalar, in nats, averaged over the 2B anchors.
    """
    if z1.ndim != 2 or z1.shape != z2.shape:
        raise ValueError(f"z1 and z2 must both be (B, D), got {tuple(z1.shape)} and {tuple(z2.shape)}")
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}; 0.05 to 0.5 is usual")
    z = torch.cat([z1, z2]).float()
    if normalize:
        z = F.normalize(z, dim=1)
    with torch.autocast(z.device.type, enabled=False):
        logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)  # an anchor is never its own candidate
    partner = torch.arange(len(z), device=z.device).roll(len(z1))  # row i's other view
    return F.cross_entropy(logits, partner)


class NTXentLoss(nn.Module):
    """`nt_xent` with its constants remembered."""

    def __init__(self, *, temperature: float = 0.1, normalize: bool = True, gather: bool = True) -> None:
        super().__init__()
        self.temperature = temperature
        self.normalize = normalize
        self.gather = gather

    def forward(self, z1: Tensor, z2: Tensor) -> Tensor:
        """Loss of projections (B, D) and (B, D)."""
        return nt_xent(z1, z2, temperature=self.temperature, normalize=self.normalize)
