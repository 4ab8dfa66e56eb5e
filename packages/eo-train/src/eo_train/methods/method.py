"""What a pretraining method is to the loop: a module with a loss."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from eo_models import Backbone
from eo_train.prepare import Prepared


class Method(nn.Module, ABC):
    """A backbone, what is trained beside it, and a loss over two views.

    `training_loss` gives `loss`, a scalar attached to the graph, and `embeddings` (B, D), detached, whose spread the
    collapse alarm watches. Whatever else it gives is logged under its name.
    """

    backbone: Backbone

    @abstractmethod
    def training_loss(self, batch: Prepared) -> dict[str, Tensor]:
        """Loss of one batch of views."""

    def after_step(self, progress: float) -> None:
        """Runs after every optimizer step; `progress` is the share of the run that is done, 0 to 1."""
