"""What is trained when a backbone is fine-tuned: the model under its task's loss."""

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.meanings import IGNORE
from eo_models.model import Model
from eo_train.orientation import Image


class Task(nn.Module):
    """A model with a head, and its loss on images and targets.

    Args:
        model: As `eo_models.build_model` makes it.
        dropout: On the feature, before a head that takes one.
    """

    def __init__(self, model: Model, *, dropout: float = 0.0) -> None:
        super().__init__()
        if model.head is None:
            raise ValueError("this model has no head to be trained: build it with head=...")
        self.model, self.dropout = model, dropout

    def forward(self, images: Image) -> Any:
        """Raw outputs of the head."""
        model = self.model
        assert model.head is not None
        if model.head.takes == "maps":
            return model.head(model.maps(images), size_of(images))
        feature = F.dropout(model.backbone(images), self.dropout, self.training)
        return model.head(feature, size_of(images))

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Mean loss, over known pixels alone where the target is a mask, over known images where it is a class."""
        assert self.model.head is not None
        if not target.is_floating_point():
            logits, target = known_pixels(logits, target)
        return self.model.head.loss(logits, target) if len(target) else logits.sum() * 0


def known_pixels(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, K, H, W) and mask (B, H, W) as rows (N, K), or (N,) for K = 1, and (N,), without `IGNORE`.

    Logits (B, K) and classes (B,) likewise.
    """
    known = target != IGNORE
    rows = logits.movedim(1, -1)[known]
    return rows.squeeze(-1) if logits.shape[1] == 1 else rows, target[known]


def target_of(batch: Mapping[str, Any], name: str | None = None) -> Tensor:
    """The target of a batch: `mask` where there is one, else `label`."""
    wanted = name or ("mask" if "mask" in batch else "label")
    if wanted not in batch:
        raise ValueError(f"fine-tuning wants samples with 'label' or 'mask', got {', '.join(map(str, batch))}")
    target: Tensor = batch[wanted]
    return target


def size_of(images: Image) -> tuple[int, int]:
    """Height and width."""
    first = next(iter(images.values())) if isinstance(images, Mapping) else images
    height, width = first.shape[-2:]
    return height, width
