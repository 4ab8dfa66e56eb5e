"""SeCo's three projections: one per kind of difference between two views (arXiv 2103.16607)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.model import Head, Neck

WIDTH, SPACES = 128, 3


class Projection(Head):
    """(B, D) to (B, 3, 128): the embeddings that pretraining compared, sensitive to nothing, to augmentation, to time.

    `predict` gives them at unit length, as the loss takes them.
    """

    takes = "feature"

    def __init__(self, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> None:
        super().__init__()
        if neck is not None or num_outputs is not None:
            raise ValueError("the projection head has its own shape; leave neck and num_outputs out")
        if backbone.parts:
            raise ValueError(f"{backbone.name} has one for each sensor: model.s1.project(x) and model.s2.project(x)")
        width = backbone.num_features
        self.spaces = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, WIDTH)) for _ in range(SPACES)
        )

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The three perceptrons, under `projection`."""
        return {"projection": self.spaces}

    def forward(self, given: Tensor, size: tuple[int, int]) -> Tensor:
        """Embeddings (B, 3, 128) of any length."""
        return torch.stack([project(given) for project in self.spaces], dim=1)

    def activate(self, logits: Tensor) -> Tensor:
        """Embeddings of unit length."""
        return F.normalize(logits, dim=-1)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """None of its own: the loss of pretraining compares views."""
        raise ValueError("the projections have no target; train them with eo_losses.seco")
