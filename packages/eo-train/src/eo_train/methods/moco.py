"""MoCo: a view against the key encoder's other view, among a queue of keys (arXiv 1911.05722, 2003.04297)."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_losses import KeyQueue, SeCoLoss
from eo_models import Backbone
from eo_train.methods.method import Method
from eo_train.methods.shuffle import encode_shuffled
from eo_train.prepare import Prepared

ProtocolName = Literal["published", "recommended"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What tells the authors' code from what they meant."""

    replacement: bool
    """Draw the dates of a place with replacement: of five dates, all three differ in 48 of 100 draws."""
    negatives: Literal["local", "global"]
    """In-batch negatives from each process's own images, or from those of all."""


PROTOCOLS: dict[ProtocolName, Protocol] = {
    "published": Protocol(replacement=True, negatives="local"),
    "recommended": Protocol(replacement=False, negatives="global"),
}


class MoCo(Method):
    """One InfoNCE per key view, each through a head of its own; with the two views of MoCo that is one.

    The key encoder and its heads start as copies and follow by momentum before every step, parameters alone: the
    running statistics of their batch norm are their own. Several processes encode keys in shuffled order.

    Args:
        backbone: Network to be pretrained, the query encoder's.
        temperature: Divides the cosine similarities; > 0.
        momentum: Share that the key encoder keeps of itself at every step, 0 to 1.
        queue: Earlier keys that serve as negatives.
        hidden: Width of the heads' hidden layer; None is that of the backbone's feature.
        out: Length of the projections.
        protocol: `published` draws dates as the authors' code does; `recommended` what they meant.
        replacement: Draw a place's dates with replacement; None is the protocol's answer.
    """

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
    ) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be from 0 to 1, got {momentum}")
        self.protocol = choose_protocol(protocol, replacement=replacement)
        self.replacement, self.momentum, self.guided = self.protocol.replacement, momentum, False
        self.backbone = backbone
        width = hidden or backbone.num_features
        subspaces = range(len(self.views) - 1)
        self.heads = nn.ModuleList(head(backbone.num_features, width, out) for _ in subspaces)
        self.key_backbone = deepcopy(self.backbone).requires_grad_(False)
        self.key_heads = deepcopy(self.heads).requires_grad_(False)
        self.queues = nn.ModuleList(KeyQueue(queue, out) for _ in subspaces)
        self.criterion = SeCoLoss(temperature=temperature, gather=self.protocol.negatives == "global")

    def embed(self, batch: Prepared) -> dict[str, Tensor]:
        """The first view through every query head."""
        if not self.guided:
            self.follow()
        query = self.backbone(batch.views[0])
        return {f"query {i}": project(query) for i, project in enumerate(self.heads)}

    @torch.no_grad()
    def reference(self, batch: Prepared) -> dict[str, Tensor]:
        """Key view j through key head i as `key i j`, unit rows; of the first subspace only its own key."""
        features = [encode_shuffled(self.key_backbone, view) for view in batch.views[1:]]
        return {
            f"key {i} {j}": F.normalize(project(feature), dim=1)
            for i, project in enumerate(self.key_heads)
            for j, feature in enumerate(features)
            if i > 0 or j == 0
        }

    def loss(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Sum over subspaces of InfoNCE; the queues then take the positives."""
        n = len(self.heads)
        queries = [outputs[f"query {i}"] for i in range(n)]
        keys = [[outputs[f"key {i} {j}"] for j in range(n) if i > 0 or j == 0] for i in range(n)]
        loss = self.criterion(queries, keys, [queue.keys for queue in self.queues])
        for i, queue in enumerate(self.queues):
            assert isinstance(queue, KeyQueue)
            queue.push(keys[i][i])
        return {"loss": loss, "embeddings": queries[0].detach()}

    def before_step(self) -> None:
        """The key encoder follows; a loop that never calls this follows at every loss."""
        self.guided = True
        self.follow()

    @torch.no_grad()
    def follow(self) -> None:
        """Moves the key encoder's parameters towards the query encoder's."""
        pairs = ((self.key_backbone, self.backbone), (self.key_heads, self.heads))
        for followed, leading in pairs:
            for key, query in zip(followed.parameters(), leading.parameters(), strict=True):
                key.lerp_(query, 1 - self.momentum)


def head(in_features: int, hidden: int, out: int) -> nn.Sequential:
    """Linear, ReLU, Linear, without batch norm (MoCo v2, arXiv 2003.04297)."""
    return nn.Sequential(nn.Linear(in_features, hidden), nn.ReLU(), nn.Linear(hidden, out))


def choose_protocol(name: ProtocolName, **switches: object) -> Protocol:
    """The switches of a protocol, with those that are not None set by hand."""
    if name not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {name!r}")
    return replace(PROTOCOLS[name], **{key: value for key, value in switches.items() if value is not None})  # type: ignore[arg-type]
