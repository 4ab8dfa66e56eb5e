"""SeCo: seasonal contrast, in three subspaces that are blind to other changes (arXiv 2103.16607)."""

from typing import Literal

from eo_models import Backbone
from eo_train.methods.moco import MoCo, ProtocolName
from eo_train.views import View


class SeCo(MoCo):
    """MoCo with three keys: another date disturbed, another date as it is, the same date disturbed.

    The query is a crop of the first date. Subspace 0 pairs it with a disturbed crop of the second date and so learns to
    ignore everything, subspace 1 with a crop of the third (season), subspace 2 with a disturbed crop of the first
    (colour and blur). In subspaces 1 and 2 the other keys of the batch are negatives
    (ServiceNow/seasonal-contrast:datasets/seco_dataset.py, models/moco2_module.py). With two dates, the keys of the
    second and third date take the other one.

    Args:
        backbone: Network to be pretrained, the query encoder's.
        temperature: Divides the cosine similarities; > 0.
        momentum: Share that the key encoder keeps of itself at every step, 0 to 1.
        queue: Earlier keys that serve as negatives, in each subspace.
        hidden: Width of the heads' hidden layer; None is that of the backbone's feature.
        out: Length of the projections.
        protocol: `published` draws dates with replacement and takes in-batch negatives from each process's own images,
            as the authors' code does; `recommended` draws different dates and takes negatives from all processes.
        replacement: Draw a place's dates with replacement; None is the protocol's answer.
        negatives: Whose keys are in-batch negatives; None is the protocol's answer.
    """

    views = (View(draw="cropped"), View(date=1), View(date=2, draw="cropped"), View())
    dates = 3

    def __init__(
        self,
        backbone: Backbone,
        *,
        temperature: float = 0.07,
        momentum: float = 0.999,
        queue: int = 16384,
        hidden: int | None = None,
        out: int = 128,
        protocol: ProtocolName = "recommended",
        replacement: bool | None = None,
        negatives: Literal["local", "global"] | None = None,
    ) -> None:
        super().__init__(
            backbone,
            temperature=temperature,
            momentum=momentum,
            queue=queue,
            hidden=hidden,
            out=out,
            protocol=protocol,
            replacement=replacement,
        )
        self.criterion.gather = (negatives or self.protocol.negatives) == "global"
