"""CrossSensor: Sentinel-1 and Sentinel-2 images of one place are each other's positives.

The pretraining of SSLTransformerRS (CVPRW 2022, doi 10.1109/cvprw56347.2022.00148) and of SupCon_SSL's METER-ML part.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from eo_losses import PairwiseNTXentLoss
from eo_models import Backbone
from eo_train.methods.method import Method
from eo_train.methods.sides import projections, sides
from eo_train.prepare import Prepared
from eo_train.views import View


class CrossSensor(Method):
    """NT-Xent over the images of both sensors: the rest of the batch, of either sensor, are negatives.

    Args:
        backbone: Network of two sensors to be pretrained, such as `dual_resnet18`.
        temperature: Divides the cosine similarities; > 0.
        head: `mlp` compares projections (Linear, ReLU, Linear), `none` the features themselves.
        hidden: Width of the projections' hidden layer; None is that of the feature.
        out: Length of the projections.
        augmented: Two views of each sensor's image, one drawn and one as it is, instead of one drawn.
        geometry: Whether the drawn views of both sensors show the same window, turned alike (`shared`), or each draws
            its own (`independent`).
        positives: `place`: all images of a place; `sensor`: the two views of one sensor's image alone, so that other
            sensors are negatives; it takes `augmented`.
        negative_class: A class that stands for "nothing here": its images are negatives of all others, and attract
            nothing (bakiuzun/SupCon_SSL). None where there is none.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 0.07,
        head: Literal["mlp", "none"] = "mlp",
        hidden: int | None = None,
        out: int = 128,
        augmented: bool = False,
        geometry: Literal["shared", "independent"] = "shared",
        positives: Literal["place", "sensor"] = "place",
        negative_class: int | None = None,
    ) -> None:
        super().__init__()
        keys = tuple(sides(backbone))
        if len(keys) == 1:
            raise ValueError(f"CrossSensor wants a backbone of two sensors, such as dual_resnet18, got {backbone.name}")
        if positives == "sensor" and not augmented:
            raise ValueError("positives=sensor wants two views of each image, got augmented=False; pass augmented=True")
        place = "window" if geometry == "shared" else None
        drawn = [View(image=key, place=place) for key in keys]
        self.views = (*drawn, *(View(image=key, draw="whole") for key in keys if augmented))
        self.backbone, self.negative_class = backbone, negative_class
        self.heads = projections(backbone, head=head, hidden=hidden, out=out)
        blocks = len(self.views) if positives == "place" else 2  # all first views, then all second ones
        self.criterion = PairwiseNTXentLoss(blocks=blocks, temperature=temperature)

    def embed(self, batch: Prepared) -> dict[str, Tensor]:
        """The projection of every view."""
        networks = sides(self.backbone)
        return {
            f"view {i}": self.heads[view.image](networks[view.image](images))
            for i, (view, images) in enumerate(zip(self.views, batch.views, strict=True))
        }

    def reference(self, batch: Prepared) -> dict[str, Tensor]:
        """Which images show nothing, where a class says so."""
        if self.negative_class is None:
            return {}
        if batch.labels is None or batch.labels[0].ndim != 1:
            raise ValueError(f"negative_class={self.negative_class} wants labels (B,); take a data set with classes")
        return {"nothing": batch.labels[0] == self.negative_class}

    def loss(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """NT-Xent of every projection with those of its positives."""
        views = [F.normalize(outputs[f"view {i}"], dim=1) for i in range(len(self.views))]
        nothing = outputs.get("nothing")
        flags = None if nothing is None else nothing.repeat(len(views))
        return {"loss": self.criterion(torch.cat(views), flags), "embeddings": views[0].detach()}
