"""SimCLR: two views of an image are each other's only positive (arXiv 2002.05709)."""

from torch import Tensor

from eo_losses import NTXentLoss
from eo_models import Backbone
from eo_train.methods.method import Method
from eo_train.methods.projector import projector
from eo_train.prepare import Prepared


class SimCLR(Method):
    """Backbone and projector under NT-Xent.

    Args:
        backbone: Network to be pretrained.
        temperature: Divides the cosine similarities; > 0.
        hidden: Width of the projector's hidden layers.
        out: Length of the projections.
        layers: Linear layers in the projector.
    """

    def __init__(
        self, backbone: Backbone, *, temperature: float = 0.1, hidden: int = 512, out: int = 128, layers: int = 2
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.projector = projector(backbone.num_features, hidden, out, layers=layers)
        self.criterion = NTXentLoss(temperature=temperature)

    def embed(self, batch: Prepared) -> dict[str, Tensor]:
        """Projections of the two views."""
        z1, z2 = (self.projector(self.backbone(view)) for view in batch.views)
        return {"z1": z1, "z2": z2}

    def loss(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """NT-Xent between the projections of the two views."""
        return {"loss": self.criterion(outputs["z1"], outputs["z2"]), "embeddings": outputs["z1"].detach()}
