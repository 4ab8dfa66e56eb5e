"""NT-Xent, the loss of SimCLR (arXiv 2002.05709)."""

import torch
from torch import Tensor

from eo_losses.checks import check_pair, check_temperature
from eo_losses.distributed import GatheringLoss, Group, Ranks
from eo_losses.features import rows
from eo_losses.nce import surprise
from eo_losses.tiles import log_sum_exp


def nt_xent(z1: Tensor, z2: Tensor, *, temperature: float = 0.1, normalize: bool = True) -> Tensor:
    """Normalized-temperature cross entropy of two views (SimCLR, arXiv 2002.05709, Eq. 1).

    L = (1/2B) Σ_i -log( exp(z_i·z_p(i)/τ) / Σ_{k≠i} exp(z_i·z_k/τ) ) over the 2B rows of both views; row p(i) is the
    other view of row i.

    Args:
        z1: Projections of the first view, (B, D), any scale.
        z2: Projections of the second view; row i matches row i of `z1`.
        temperature: τ, divides the similarities; > 0.
        normalize: Divide every row by its length first; False takes the rows as they come.

    Returns:
        Scalar, in nats, averaged over the 2B anchors; 0 for a batch of one, which has no negatives.
    """
    return _nt_xent(z1, z2, Ranks.of(z1, gather=False), temperature=temperature, normalize=normalize)


def _nt_xent(z1: Tensor, z2: Tensor, ranks: Ranks, *, temperature: float, normalize: bool) -> Tensor:
    check_pair("z1", z1, "z2", z2)
    check_temperature(temperature)
    (z,) = rows(torch.cat([z1, z2]), normalize=normalize)  # (2B, D)
    view1, view2 = z.chunk(2)
    positive = (view1 * view2).sum(1) * (1 / temperature)  # (B,), the same for both views
    own = torch.arange(2 * ranks.first, 2 * ranks.first + len(z), device=z.device)
    itself_and_partner = torch.stack([own, own.roll(len(z1))], dim=1)
    everyone = None if ranks.alone else ranks.gather(z)
    negatives = log_sum_exp(z, everyone, scale=1 / temperature, exclude=itself_and_partner)
    return ranks.mean(surprise(positive, negatives.view(2, -1)))


class NTXentLoss(GatheringLoss):
    """`nt_xent` with its constants remembered; in a process group, against the views of all ranks."""

    def __init__(
        self, *, temperature: float = 0.1, normalize: bool = True, gather: bool = True, group: Group = None
    ) -> None:
        super().__init__(gather=gather, group=group)
        check_temperature(temperature)
        self.temperature = temperature
        self.normalize = normalize

    def forward(self, z1: Tensor, z2: Tensor) -> Tensor:
        """Loss of projections (B, D) and (B, D)."""
        return _nt_xent(z1, z2, self.ranks(z1), temperature=self.temperature, normalize=self.normalize)
