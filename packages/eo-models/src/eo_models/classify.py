"""One linear layer on the feature: classes, or labels that do not exclude one another."""

import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.model import Head, Neck


class Classify(Head):
    """(B, D) to (B, K) logits of classes of which one is true; targets are int64 (B,)."""

    takes = "feature"

    def __init__(self, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> None:
        super().__init__()
        if neck is not None:
            raise ValueError("this head reads the backbone's feature, not maps; leave neck out")
        if num_outputs is None:
            raise ValueError("this head needs num_outputs=..., the number of classes")
        self.linear = nn.Linear(backbone.num_features, num_outputs)

    def forward(self, given: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (B, K)."""
        logits: Tensor = self.linear(given)
        return logits

    def activate(self, logits: Tensor) -> Tensor:
        """Probabilities (B, K) that sum to 1."""
        return logits.softmax(dim=1)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy, mean over the images."""
        return F.cross_entropy(logits, target)


class Multilabel(Classify):
    """(B, D) to (B, K) logits of labels of which any may be true; targets are multi-hot (B, K)."""

    def activate(self, logits: Tensor) -> Tensor:
        """Probabilities (B, K), each for itself."""
        return logits.sigmoid()

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy, mean over images and labels."""
        return F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype))
