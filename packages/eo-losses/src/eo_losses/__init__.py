"""Contrastive losses of Earth observation: exact, composable, on plain tensors."""

from eo_losses.alignment import SymmetricNCELoss, symmetric_nce
from eo_losses.distributed import gather
from eo_losses.key_queue import KeyQueue
from eo_losses.moco import InfoNCELoss, info_nce
from eo_losses.seco import SeCoLoss, seco
from eo_losses.simclr import NTXentLoss, nt_xent
from eo_losses.similarity import label_similarity
from eo_losses.softcon import SoftConLoss, SoftContrastLoss, soft_contrast, softcon
from eo_losses.supcon import SupConLoss, supcon
from eo_losses.supcon_ssl import PairwiseNTXentLoss, pairwise_nt_xent

__all__ = [
    "InfoNCELoss",
    "KeyQueue",
    "NTXentLoss",
    "PairwiseNTXentLoss",
    "SeCoLoss",
    "SoftConLoss",
    "SoftContrastLoss",
    "SupConLoss",
    "SymmetricNCELoss",
    "gather",
    "info_nce",
    "label_similarity",
    "nt_xent",
    "pairwise_nt_xent",
    "seco",
    "soft_contrast",
    "softcon",
    "supcon",
    "symmetric_nce",
]
