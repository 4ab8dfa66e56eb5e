"""The task heads inside Satlas' files, as the authors' code runs them: `head="satlas:land_cover"`."""

from collections.abc import Callable, Mapping
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.detection import Detect, Instance
from eo_models.fpn import FPN, FPNUpsample
from eo_models.heads import BinarySegment, ClassifyMaps, MapHead, PerPixel, Segment
from eo_models.meanings import ONE_OF, Meaning, check_target
from eo_models.model import Head, HeadBuilder, Neck
from eo_models.published.satlas_tasks import MAX_POOLED, READS_BACKBONE, TASKS, tasks_of


def in_bytes(raw: Tensor) -> Tensor:
    """255 times the first channel, (B, H, W)."""
    return 255 * raw[:, 0]


def error_in_bytes(measure: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss that measures the first channel against a target (B, H, W) divided by 255."""

    def loss(raw: Tensor, target: Tensor) -> Tensor:
        check_target(target, (raw.shape[0], *raw.shape[2:]), "quantities")
        return measure(raw[:, 0], target.to(raw.dtype) / 255)

    return loss


class MeanPooled(MapHead):
    """The mean of the last map's pixels and a linear layer: classes, (B, K). Targets: int64 (B,)."""

    meaning = ONE_OF

    def __init__(self, width: int, num_outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, num_outputs)

    def forward(self, given: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Raw outputs (B, K), whatever the size."""
        raw: Tensor = self.layer(given[-1].mean(dim=(-2, -1)))
        return raw


class PublishedSegment(Segment):
    """One class a pixel of the finest map."""

    to_image = False


class PublishedBinarySegment(BinarySegment):
    """Any of K classes a pixel of the finest map."""

    to_image = False


class PublishedRegress(PerPixel):
    """A quantity a pixel of the finest map, 0 to 255; mean absolute error. Targets: (B, H, W)."""

    meaning = Meaning(in_bytes, error_in_bytes(F.l1_loss))
    to_image = False


def usual_neck(head: str) -> str:
    """The neck that a published head stands on; those that detect do not read the map of stride 1."""
    kind, _ = TASKS[head.removeprefix("satlas:")]
    return "fpn" if kind in ("detect", "instance") else "fpn+upsample"


def published_head(task: str, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> Head:
    """The head of a task in the file of the backbone's weights, still random.

    Raises:
        ValueError: The backbone's weights are not Satlas' or not loaded, they have no such task, or `num_outputs` is
            given, which the file decides.
    """
    tasks = tasks_of(backbone.weights)
    if task not in tasks:
        held = f"; {backbone.weights} holds {', '.join(tasks)}" if tasks else ""
        raise ValueError(
            f"head='satlas:{task}' is a part of the published files of Satlas that have this task: name such weights "
            f"and pass pretrained=True or checkpoint=...{held}"
        )
    if num_outputs is not None:
        raise ValueError(f"head='satlas:{task}' has {TASKS[task][1]} outputs by its file; leave num_outputs out")
    if not isinstance(neck, FPNUpsample if usual_neck(f"satlas:{task}") == "fpn+upsample" else FPN):
        raise ValueError(f"head='satlas:{task}' stands on neck={usual_neck(f'satlas:{task}')!r}; leave neck out")
    head = _build(task, backbone, neck)
    head.part = f"heads.{tasks.index(task)}"
    return head


def _build(task: str, backbone: Backbone, neck: FPN) -> Head:
    kind, outputs = TASKS[task]
    if kind == "classify" and backbone.weights != MAX_POOLED:
        neck.keep = backbone.weights == READS_BACKBONE
        return MeanPooled((backbone if neck.keep else neck).map_channels[-1], outputs)
    return _KINDS[kind](backbone, neck, outputs)


_KINDS: Mapping[str, HeadBuilder] = {
    "segment": PublishedSegment,
    "binary_segment": PublishedBinarySegment,
    "regress": PublishedRegress,
    "classify": ClassifyMaps,
    "detect": Detect,
    "instance": Instance,
}
SATLAS_HEADS: Mapping[str, HeadBuilder] = {f"satlas:{task}": partial(published_head, task) for task in TASKS}
"""Every published head by name; which of them a file holds, `eo-models show` says."""
