"""SupConCE: learn classes by cross-entropy and by supervised contrast at once, on one sensor or two.

The fine-tuning of SupCon_SSL (bakiuzun/SupCon_SSL) with the loss of arXiv 2004.11362.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_losses import SupConLoss, gather
from eo_models import Backbone
from eo_train.methods.method import Method
from eo_train.methods.sides import projected_width, projections, sides
from eo_train.prepare import Prepared
from eo_train.views import View


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What tells the authors' code from what they meant."""

    second_pass: bool
    """Cross-entropy sends the images as they are through the networks once more, in a batch of their own, instead of
    reading what came of them in the batch of all views."""
    contrast_ignored: bool
    """Images of ignored classes are contrasted as a class of their own, though cross-entropy leaves them out."""


PROTOCOLS = {
    "published": Protocol(second_pass=True, contrast_ignored=True),
    "recommended": Protocol(second_pass=False, contrast_ignored=False),
}


class SupConCE(Method):
    """Cross-entropy on the images as they are, plus SupCon over a drawn view and the image itself, of each sensor.

    In SupCon the sensors are samples of their own with the place's labels, so a place's other sensor is always a
    positive. Labels are classes (B,), or multi-hot (B, K): then cross-entropy is binary, and two images are positives
    as `kind` says, which is an extension of ours.

    Args:
        backbone: Network of one sensor or of two.
        classes: How many there are.
        temperature: Of SupCon; > 0.
        ce_weight: Weight of cross-entropy.
        supcon_weight: Weight of SupCon; 0 is the baseline of cross-entropy alone, and computes no more than that.
        augmented: Two views of each image, one drawn and one as it is, instead of the image alone.
        geometry: Whether the drawn views of both sensors show the same window, turned alike (`shared`), or each draws
            its own (`independent`).
        fused: One classifier on both sensors' projections, and SupCon across them; False is a classifier and a SupCon
            for each sensor.
        head: `mlp` projects features (Linear, ReLU, Linear), `none` takes them as they are.
        hidden: Width of the projections' hidden layer; None is that of the feature.
        out: Length of the projections.
        kind: Likeness of multi-hot labels: `overlap`, `jaccard`, `cosine` or `exact`.
        ignored: Label values that are no class.
        protocol: `published` does as the authors' code, `recommended` as they meant.
        second_pass: As `Protocol` has it; None is the protocol's answer.
        contrast_ignored: Likewise.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        classes: int,
        temperature: float = 0.07,
        ce_weight: float = 1.0,
        supcon_weight: float = 1.0,
        augmented: bool = True,
        geometry: Literal["independent", "shared"] = "independent",
        fused: bool = True,
        head: Literal["mlp", "none"] = "none",
        hidden: int | None = None,
        out: int = 128,
        kind: str = "overlap",
        ignored: Sequence[int] = (255,),
        protocol: Literal["published", "recommended"] = "recommended",
        second_pass: bool | None = None,
        contrast_ignored: bool | None = None,
    ) -> None:
        super().__init__()
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}")
        asked = {"second_pass": second_pass, "contrast_ignored": contrast_ignored}
        switches = {key: value for key, value in asked.items() if value is not None}
        self.protocol = replace(PROTOCOLS[protocol], **switches)
        self.keys = tuple(sides(backbone))
        place = "window" if geometry == "shared" else None
        drawn = [View(image=key, place=place) for key in self.keys if augmented and supcon_weight]
        self.views = (*(View(image=key, draw="whole") for key in self.keys), *drawn)
        self.backbone, self.classes, self.fused, self.ignored = backbone, classes, fused, tuple(ignored)
        self.ce_weight, self.supcon_weight = ce_weight, supcon_weight
        self.heads = projections(backbone, head=head, hidden=hidden, out=out)
        width = projected_width(backbone, head=head, out=out)
        groups = ["fused"] if fused else list(self.keys)
        widths = [width if fused else width // len(self.keys) for _ in groups]
        self.classifiers = nn.ModuleDict({g: nn.Linear(w, classes) for g, w in zip(groups, widths, strict=True)})
        self.criterion = SupConLoss(temperature=temperature, kind=kind)

    def embed(self, batch: Prepared) -> dict[str, Tensor]:
        """Projections of every sensor's views, the image itself first, and logits of every classifier."""
        outputs: dict[str, Tensor] = {}
        plain, networks = {}, sides(self.backbone)
        for key in self.keys:
            views = [images for view, images in zip(self.views, batch.views, strict=True) if view.image == key]
            project, size = self.heads[key], len(views[0])
            together = project(networks[key](torch.cat(views))).split(size)
            again = self.protocol.second_pass and len(views) > 1
            plain[key] = project(networks[key](views[0])) if again else together[0]
            outputs |= {f"{key} {i}": each for i, each in enumerate(together)}
        joined = {"fused": torch.cat(list(plain.values()), dim=1)} if self.fused else plain
        return outputs | {f"logits {group}": self.classifiers[group](each) for group, each in joined.items()}

    def classify(self, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Logits (B, K) of every classifier: `fused`, or one for each sensor.

        Args:
            images: Normalized (B, C, H, W) under `image`, or under `s1` and `s2`.
        """
        networks = sides(self.backbone)
        plain = {key: self.heads[key](networks[key](images[key])) for key in self.keys}
        joined = {"fused": torch.cat(list(plain.values()), dim=1)} if self.fused else plain
        return {group: self.classifiers[group](each) for group, each in joined.items()}

    def reference(self, batch: Prepared) -> dict[str, Tensor]:
        """The labels."""
        if batch.labels is None:
            raise ValueError("SupConCE wants labels (B,) or (B, K) in every batch, got none; take a labelled data set")
        labels = batch.labels[0]
        if labels.ndim == 2 and labels.shape[1] != self.classes:
            raise ValueError(f"labels are of {labels.shape[1]} classes, got classes={self.classes}; pass that number")
        if labels.ndim == 1:
            self._check_classes(labels)
        return {"labels": labels}

    def loss(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weighted sum; both losses and the accuracy of the first classifier are logged."""
        labels = outputs["labels"]
        kept = self._kept(labels)
        logits = [outputs[f"logits {group}"] for group in self.classifiers]
        entropy = torch.stack([cross_entropy(each, labels, kept) for each in logits]).sum()
        found = {"loss_ce": entropy.detach(), "accuracy": accuracy(logits[0].detach(), labels, kept)}
        total = self.ce_weight * entropy
        if self.supcon_weight:
            contrast = self._contrast(
                outputs, labels, torch.ones_like(kept) if self.protocol.contrast_ignored else kept
            )
            total = total + self.supcon_weight * contrast
            found["loss_supcon"] = contrast.detach()
        return {"loss": total, "embeddings": outputs[f"{self.keys[0]} 0"].detach(), **found}

    def _contrast(self, outputs: dict[str, Tensor], labels: Tensor, kept: Tensor) -> Tensor:
        """SupCon across the sensors where they are fused, else the sum of each sensor's."""
        names = {key: [name for name in outputs if name.startswith(f"{key} ")] for key in self.keys}
        views = [torch.stack([outputs[name] for name in names[key]], dim=1)[kept] for key in self.keys]  # (B, V, D)
        if not kept.any():
            return torch.stack([each.sum() * 0 for each in views]).sum()  # nothing to contrast, attached to the graph
        if self.fused:
            contrast: Tensor = self.criterion(torch.cat(views), torch.cat([labels[kept]] * len(views)))
            return contrast
        return torch.stack([self.criterion(each, labels[kept]) for each in views]).sum()

    def _kept(self, labels: Tensor) -> Tensor:
        """Which images have a class, (B,) bool."""
        if labels.ndim == 2:
            return torch.ones(len(labels), dtype=torch.bool, device=labels.device)
        return ~torch.isin(labels, torch.tensor(self.ignored, dtype=labels.dtype, device=labels.device))

    def _check_classes(self, labels: Tensor) -> None:
        known = labels[self._kept(labels)]
        wrong = known[(known < 0) | (known >= self.classes)]
        if len(wrong):
            raise ValueError(
                f"labels must be from 0 to {self.classes - 1} or one of ignored={list(self.ignored)}, got "
                f"{int(wrong[0])}; pass classes=... or add it to ignored"
            )


def cross_entropy(logits: Tensor, labels: Tensor, kept: Tensor) -> Tensor:
    """Mean over the labelled images of all processes, (B, K) logits; binary for multi-hot labels (B, K)."""
    if labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits.float(), labels.float())
    summed = F.cross_entropy(logits[kept].float(), labels[kept], reduction="sum")
    counts = gather(kept.sum()[None])
    return summed * len(counts) / counts.sum().clamp(min=1)  # so that the mean over processes is that over images


def accuracy(logits: Tensor, labels: Tensor, kept: Tensor) -> Tensor:
    """Share of images with the right class; for multi-hot labels, of right answers."""
    right = (logits > 0) == (labels > 0) if labels.ndim == 2 else logits[kept].argmax(1) == labels[kept]
    return right.float().mean() if right.numel() else right.new_zeros((), dtype=torch.float32)
