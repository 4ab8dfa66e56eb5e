"""Contrastive losses of Earth observation: exact, composable, on plain tensors."""

from eo_losses.simclr import NTXentLoss, nt_xent
from eo_losses.softcon import SoftConLoss, label_similarity, soft_contrast, softcon

__all__ = ["NTXentLoss", "SoftConLoss", "label_similarity", "nt_xent", "soft_contrast", "softcon"]
