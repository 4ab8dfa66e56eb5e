"""SoftCon: instance contrast plus a soft contrast towards label similarities (arXiv 2405.20462)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def label_similarity(y1: Tensor, y2: Tensor, kind: str = "cosine") -> Tensor:
    """Similarity in [0, 1] of multi-hot labels (B, K) and (B, K), as (B, B); a row without labels is similar to none."""
    y1, y2 = y1.float(), y2.float()
    shared, n1, n2 = y1 @ y2.T, y1.sum(1)[:, None], y2.sum(1)[None]
    if kind == "cosine":
        return F.normalize(y1, dim=1) @ F.normalize(y2, dim=1).T
    if kind == "jaccard":
        return shared / (n1 + n2 - shared).clamp(min=1)
    if kind == "overlap":
        return (shared > 0).float()
    if kind == "exact":
        return ((shared == n1) & (shared == n2) & (n1 > 0)).float()
    raise ValueError(f"unknown kind {kind!r}; expected 'cosine', 'jaccard', 'overlap' or 'exact'")


def soft_contrast(
    z1: Tensor, z2: Tensor, targets: Tensor, *, valid: Tensor | None = None, normalize: bool = True
) -> Tensor:
    """Binary cross-entropy of every similarity of `z1` (B, D) and `z2` (B, D) with its target in [0, 1] (B, B)."""
    z1, z2 = (F.normalize(z.float(), dim=1) if normalize else z.float() for z in (z1, z2))
    with torch.autocast(z1.device.type, enabled=False):
        logits = z1 @ z2.T
    pairs = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none")
    valid = torch.ones_like(pairs) if valid is None else valid.to(pairs.dtype)
    return (pairs * valid).sum() / valid.sum().clamp(min=1)


def softcon(
    online: Tensor,
    target: Tensor,
    labels1: Tensor,
    labels2: Tensor | None = None,
    *,
    temperature: float = 0.1,
    soft_weight: float = 0.1,
    kind: str = "cosine",
    symmetric: bool = False,
    normalize: bool = True,
) -> Tensor:
    """Instance contrast of `online` (B, D) against `target` (B, D) plus `soft_weight` times the soft contrast."""
    labels2 = labels1 if labels2 is None else labels2
    z1, z2 = (F.normalize(z.float(), dim=1) if normalize else z.float() for z in (online, target))
    with torch.autocast(z1.device.type, enabled=False):
        logits = z1 @ z2.T / temperature
    own = torch.arange(len(z1), device=z1.device)
    instance = F.cross_entropy(logits, own)
    if symmetric:
        instance = (instance + F.cross_entropy(logits.T, own)) / 2
    valid = (labels1 != 0).any(1)[:, None] & (labels2 != 0).any(1)[None]
    soft = soft_contrast(z1, z2, label_similarity(labels1, labels2, kind), valid=valid, normalize=False)
    return instance + soft_weight * soft


class SoftConLoss(nn.Module):
    """`softcon` with its constants remembered."""

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        soft_weight: float = 0.1,
        kind: str = "cosine",
        symmetric: bool = False,
        normalize: bool = True,
        gather: bool = True,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.soft_weight = soft_weight
        self.kind = kind
        self.symmetric = symmetric
        self.normalize = normalize
        self.gather = gather

    def forward(self, online: Tensor, target: Tensor, labels1: Tensor, labels2: Tensor | None = None) -> Tensor:
        """Loss of embeddings (B, D) and (B, D) with their multi-hot labels (B, K)."""
        return softcon(
            online,
            target,
            labels1,
            labels2,
            temperature=self.temperature,
            soft_weight=self.soft_weight,
            kind=self.kind,
            symmetric=self.symmetric,
            normalize=self.normalize,
        )
