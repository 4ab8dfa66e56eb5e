"""The term that InfoNCE, NT-Xent and their like average: one positive against many negatives."""

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses.distributed import Ranks
from eo_losses.features import rows
from eo_losses.tiles import log_sum_exp


def surprise(positive: Tensor, negatives: Tensor) -> Tensor:
    """-log( exp(positive) / (exp(positive) + exp(negatives)) ), exact where small; `negatives` is a log-sum-exp."""
    return F.softplus(negatives - positive, threshold=40)  # beyond 40 it is linear, in float64 too


def in_batch_nce(anchors: Tensor, everyone: Tensor, ranks: Ranks, *, temperature: float) -> Tensor:
    """InfoNCE (arXiv 1807.03748, Eq. 4) of every anchor for its own among the rows of all ranks.

    Args:
        anchors: (B, D).
        everyone: (N, D), of all ranks; row `ranks.first + i` is the positive of anchor i.
        ranks: Who shares the batch.
        temperature: Divides the similarities.

    Returns:
        (B,), in nats.
    """
    own = torch.arange(ranks.first, ranks.first + len(anchors), device=anchors.device)
    positive = (anchors * everyone[ranks.first : ranks.first + len(anchors)]).sum(1) * (1 / temperature)
    return surprise(positive, log_sum_exp(anchors, everyone, scale=1 / temperature, exclude=own[:, None]))


def queue_nce(query: Tensor, key: Tensor, negatives: Tensor, *, temperature: float, normalize: bool) -> Tensor:
    """InfoNCE of every query (B, D) for its key (B, D) among negatives (M, D), as (B,)."""
    query, key, negatives = rows(query, key, negatives, normalize=normalize)
    positive = (query * key).sum(1) * (1 / temperature)
    return surprise(positive, log_sum_exp(query, negatives, scale=1 / temperature))
