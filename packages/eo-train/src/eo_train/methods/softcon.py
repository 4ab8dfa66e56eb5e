"""SoftCon: land-cover labels say how alike two images should be (arXiv 2405.20462).

The authors published weights, not their training code. What they leave open is an option here, with the default of
their earlier SSL4EO-S12 scripts where those have one.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from eo_losses import SoftConLoss
from eo_models import Backbone
from eo_train.methods.method import Method
from eo_train.methods.projector import projector
from eo_train.prepare import Prepared
from eo_train.schedule import ema_momentum


class SoftCon(Method):
    """An online encoder that sees a masked view, against a slowly following target encoder that sees a whole one.

    Args:
        backbone: Network to be pretrained, the online encoder's.
        temperature: Of the instance term; > 0.
        soft_weight: Weight of the soft term.
        symmetric: Whether the second view is masked and encoded online as well, and the two losses averaged.
        mask_ratio: Share of the online view's squares that are blacked out, 0 to 1; 0 masks nothing.
        mask_patch: Side of a masked square, in pixels.
        momentum: Of the target encoder at the start; rises to 1 by half a cosine.
        hidden: Width of the projector's hidden layers.
        out: Length of the projections.
        layers: Linear layers in the projector.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 0.1,
        soft_weight: float = 0.1,
        symmetric: bool = False,
        mask_ratio: float = 0.5,
        mask_patch: int = 16,
        momentum: float = 0.99,
        hidden: int = 2048,
        out: int = 128,
        layers: int = 2,
    ) -> None:
        super().__init__()
        if not 0 <= mask_ratio < 1:
            raise ValueError(f"mask_ratio is a share of the view, 0 <= mask_ratio < 1, got {mask_ratio}")
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be from 0 to 1, got {momentum}")
        self.backbone = backbone
        self.projector = projector(backbone.num_features, hidden, out, layers=layers)
        self.target = deepcopy(nn.Sequential(self.backbone, self.projector)).requires_grad_(False)
        self.criterion = SoftConLoss(temperature=temperature, soft_weight=soft_weight)
        self.symmetric, self.momentum = symmetric, momentum
        self.mask_ratio, self.mask_patch = mask_ratio, mask_patch

    def embed(self, batch: Prepared) -> dict[str, Tensor]:
        """Online projections of the first view, and of the second where the loss is symmetric."""
        return {f"online {i}": self.online(view) for i, view in enumerate(batch.views) if i == 0 or self.symmetric}

    def reference(self, batch: Prepared) -> dict[str, Tensor]:
        """Target projections of the second view, and of the first where the loss is symmetric; labels of both."""
        if batch.labels is None or batch.labels[0].ndim != 2:
            raise ValueError("SoftCon wants multi-hot labels (B, K) in every batch, got none; take a labelled data set")
        targets = {f"target {i}": self.follow(view) for i, view in enumerate(batch.views) if i == 1 or self.symmetric}
        return targets | {f"labels {i}": labels for i, labels in enumerate(batch.labels)}

    def loss(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Instance contrast plus soft contrast between the online and the target projections."""
        pairs = ((0, 1), (1, 0)) if self.symmetric else ((0, 1),)
        losses = [
            self.criterion(
                outputs[f"online {i}"], outputs[f"target {j}"], outputs[f"labels {i}"], outputs[f"labels {j}"]
            )
            for i, j in pairs
        ]
        return {"loss": torch.stack(losses).mean(), "embeddings": outputs["online 0"].detach()}

    def online(self, view: Tensor) -> Tensor:
        """Projections of a masked view, with gradient."""
        projections: Tensor = self.projector(self.backbone(mask_squares(view, self.mask_ratio, self.mask_patch)))
        return projections

    @torch.no_grad()
    def follow(self, view: Tensor) -> Tensor:
        """Projections of a whole view by the target encoder."""
        projections: Tensor = self.target(view)
        return projections

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """Moves the target encoder's parameters towards the online encoder's."""
        weight = 1 - ema_momentum(progress, base=self.momentum)
        online = nn.Sequential(self.backbone, self.projector)
        for followed, parameter in zip(self.target.parameters(), online.parameters(), strict=True):
            followed.lerp_(parameter, weight)


def mask_squares(view: Tensor, ratio: float, patch: int) -> Tensor:
    """Sets `ratio` of the squares of a view (B, C, H, W) to 0, others in each image, drawn from torch's generator."""
    if ratio == 0:
        return view
    batch, _, height, width = view.shape
    rows, columns = -(-height // patch), -(-width // patch)
    scores = torch.rand(batch, rows * columns, device="cpu").to(view.device)
    kept = scores.argsort(dim=1).argsort(dim=1) >= round(ratio * rows * columns)
    kept = kept.view(batch, 1, rows, columns).repeat_interleave(patch, 2).repeat_interleave(patch, 3)
    return view * kept[:, :, :height, :width]
