"""Pairwise NT-Xent over blocks of views, with known negatives (bakiuzun/SupCon_SSL:losses.py)."""

import math

import torch
from torch import Tensor

from eo_losses.checks import check_finite, check_floating, check_shape, check_temperature
from eo_losses.distributed import GatheringLoss, Group, Ranks
from eo_losses.features import rows
from eo_losses.tiles import log_sum_exp


def pairwise_nt_xent(features: Tensor, *, blocks: int, temperature: float, negatives: Tensor | None = None) -> Tensor:
    """NT-Xent in which every other block holds a positive: mean over ordered pairs of blocks of -log p.

    p_ij = exp(z_i·z_j/τ) / Σ_{k≠i} exp(z_i·z_k/τ) over all rows. Without negatives it is `supcon` without labels of
    `blocks` views. Where only some blocks belong together (views of S1, views of S2, not paired), put all first views
    first: [S1 a, S2 a, S1 b, S2 b] are two blocks of twice the samples.

    Args:
        features: View-major rows, (blocks * B, D): all samples of view 0, then of view 1, .... Taken as they come;
            the authors' network ends in a division by the length.
        blocks: Views of a sample, >= 2.
        temperature: τ; > 0. The authors use 0.2.
        negatives: Rows known to show no object, (blocks * B,) bool. They are negatives of all others, and their own
            loss is the constant log(M - 1 + e) of M rows, as the authors' code has it.

    Returns:
        Scalar, in nats, averaged over all rows.
    """
    ranks = Ranks.of(features, gather=False)
    return _pairwise_nt_xent(features, negatives, ranks, blocks=blocks, temperature=temperature)


def _pairwise_nt_xent(
    features: Tensor, negatives: Tensor | None, ranks: Ranks, *, blocks: int, temperature: float
) -> Tensor:
    _check(features, negatives, blocks)
    check_temperature(temperature)
    (z,) = rows(features, normalize=False)
    itself = torch.arange(ranks.first, ranks.first + len(z), device=z.device)[:, None]
    everyone = None if ranks.alone else ranks.gather(z)
    log_all = log_sum_exp(z, everyone, scale=1 / temperature, exclude=itself)
    views = z.view(blocks, -1, z.shape[1])
    partners = ((views.sum(0) - views) / (blocks - 1)).flatten(0, 1)  # the mean of a row's positives
    loss = log_all - (z * partners).sum(1) * (1 / temperature)
    if ranks.total == 2:
        loss = loss * 0  # nothing to be told apart from: 0 but for rounding, and attached to the graph
    if negatives is not None:
        loss = torch.where(negatives, math.log(ranks.total - 1 + math.e), loss)
    return ranks.mean(loss)


def _check(features: Tensor, negatives: Tensor | None, blocks: int) -> None:
    check_shape("features", features, "(blocks * B, D)")
    check_floating("features", features)
    check_finite("features", features)
    if blocks < 2 or len(features) % blocks:
        raise ValueError(f"features must be blocks * B rows, blocks >= 2, got {len(features)} rows and blocks={blocks}")
    if negatives is not None and (negatives.dtype != torch.bool or negatives.shape != (len(features),)):
        raise ValueError(
            f"negatives must be ({len(features)},) bool, a flag for every row, "
            f"got {tuple(negatives.shape)} {negatives.dtype}"
        )


class PairwiseNTXentLoss(GatheringLoss):
    """`pairwise_nt_xent` with its constants remembered; in a process group, among the rows of all ranks."""

    def __init__(self, *, blocks: int, temperature: float = 0.2, gather: bool = True, group: Group = None) -> None:
        super().__init__(gather=gather, group=group)
        check_temperature(temperature)
        self.blocks = blocks
        self.temperature = temperature

    def forward(self, features: Tensor, negatives: Tensor | None = None) -> Tensor:
        """Loss of view-major rows (blocks * B, D) and their flags (blocks * B,)."""
        ranks = self.ranks(features)
        return _pairwise_nt_xent(features, negatives, ranks, blocks=self.blocks, temperature=self.temperature)
