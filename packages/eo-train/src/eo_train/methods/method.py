"""What a pretraining method is to the loop: a module with a loss, and the views that it wants to see."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from eo_models import Backbone
from eo_train.prepare import Prepared
from eo_train.views import View


class Method(nn.Module):
    """A backbone, what is trained beside it, and a loss over views.

    A method writes `embed` and `loss`, and `reference` where it has one: what goes through the networks apart from what
    compares its outputs, so that a step can contrast more images than fit into memory. One that writes `training_loss`
    itself trains as well, but for cached gradients.

    Attributes:
        views: What the loop draws for it from every sample.
        dates: How many dates of a sample they come from, unless the run asks for another number.
        replacement: Whether these are drawn with replacement.
    """

    backbone: Backbone
    views: Sequence[View] = (View(), View(date=1))
    dates: int = 1
    replacement: bool = False

    def forward(self, part: Literal["training_loss", "embed", "reference"], batch: Prepared) -> dict[str, Tensor]:
        """One of the three below, by name: the door by which Fabric brings in its precision and its processes."""
        found: dict[str, Tensor] = getattr(self, part)(batch)
        return found

    def training_loss(self, batch: Prepared) -> dict[str, Tensor]:
        """Loss of one batch of views.

        Returns:
            `loss`, a scalar attached to the graph, and `embeddings` (B, D), detached, whose spread the collapse alarm
            watches. Whatever else there is, scalars, is logged under its name.
        """
        outputs = self.embed(batch) | self.reference(batch)
        return self.loss({name: widened(rows) for name, rows in outputs.items()})

    def embed(self, batch: Prepared) -> dict[str, Tensor]:
        """What the loss compares, with gradient: tensors of B rows each, by names of the method's own."""
        raise TypeError(f"{type(self).__name__} has no embed(batch) and loss(outputs), which cached gradients need")

    def reference(self, batch: Prepared) -> dict[str, Tensor]:
        """What the loss compares with, without gradient: keys, targets, labels, of B rows each."""
        return {}

    def loss(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `training_loss` gives, of all that `embed` and `reference` gave."""
        raise TypeError(f"{type(self).__name__} has no embed(batch) and loss(outputs), which cached gradients need")

    def before_step(self) -> None:
        """Runs before every optimizer step, ahead of its first batch."""

    def after_step(self, progress: float) -> None:
        """Runs after every optimizer step; `progress` is the share of the run that is done, 0 to 1."""


def widened(rows: Tensor) -> Tensor:
    """Rows in float32 where the networks gave half precision, which losses are never computed in."""
    return rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows
