"""Objects as boxes or masks: Faster R-CNN (arXiv 1506.01497) and Mask R-CNN (arXiv 1703.06870) on any maps."""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import RoIHeads, paste_masks_in_image
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead, concat_box_prediction_layers
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

from eo_models.backbone import Backbone
from eo_models.fpn import WIDTH, Pyramid
from eo_models.heads import counted
from eo_models.model import Head, Neck

Detections: TypeAlias = list[dict[str, Tensor]]
Targets: TypeAlias = Sequence[Mapping[str, Tensor]]

RATIOS = (0.5, 1.0, 2.0)
ANCHOR = 8  # strides that an anchor is wide
PROPOSALS = 2000
HIDDEN = 1024  # of the box's two linear layers
MASK = 256  # of the mask's four convolutions


@dataclass(frozen=True)
class Regions:
    """What a detector makes of maps before it decides: logits and box shifts at every anchor.

    Attributes:
        objectness: (B, 3, H_i, W_i) for each map.
        deltas: (B, 12, H_i, W_i) for each map.
        maps: What the boxes are pooled from, by name.
        size: Height and width of the images.
    """

    objectness: list[Tensor]
    deltas: list[Tensor]
    maps: dict[str, Tensor]
    size: tuple[int, int]


class Detect(Head):
    """Boxes and their classes, with the settings of Satlas' heads.

    Each map has anchors of one size, eight strides wide (32, 64, 128, 256 pixels on strides 4 to 32), in three ratios.
    A map of stride 1 is left out. Maps of several widths, such as a bare backbone's, first get a 1x1 convolution each,
    to 128 channels; maps that are no pyramid are resized to strides 4, 8, 16, 32.

    `num_outputs` counts the background, which is class 0. Targets: a dict an image, `boxes` (N, 4) as x1 y1 x2 y2 in
    pixels and `labels` (N,) from 1. Answers: `boxes`, `labels`, `scores`, best first, at most 100.
    """

    masks: ClassVar[bool] = False

    def __init__(self, backbone: Backbone, neck: Neck | None, num_outputs: int | None) -> None:
        super().__init__()
        self.num_outputs = counted(num_outputs)
        if self.num_outputs < 2:
            raise ValueError(f"num_outputs counts the background as class 0, so it is at least 2, got {num_outputs}")
        channels, strides = _pyramid(neck or backbone)
        self.resize = Pyramid(strides)
        even = len(set(channels)) == 1
        width = channels[0] if even else WIDTH
        self.lateral = nn.ModuleList([] if even else [nn.Conv2d(each, width, 1) for each in channels])
        self.rpn = _proposals(width, self.resize.map_strides)
        self.roi_heads = _regions(width, len(channels), self.num_outputs, masks=self.masks)

    def forward(self, given: list[Tensor], size: tuple[int, int]) -> Regions:
        """Objectness and box shifts at every anchor."""
        maps = self.resize(given[-len(self.resize.given) :])
        if self.lateral:
            maps = [layer(each) for layer, each in zip(self.lateral, maps, strict=True)]
        objectness, deltas = self.rpn.head(maps)
        return Regions(objectness, deltas, OrderedDict(zip(_names(len(maps)), maps, strict=True)), size)

    def activate(self, logits: Regions) -> Detections:
        """What is found in each image; masks (N, 1, H, W) lie where they belong."""
        found = self.find(logits)
        if not self.masks:
            return found
        return [each | {"masks": paste_masks_in_image(each["masks"], each["boxes"], logits.size)} for each in found]

    def find(self, logits: Regions) -> Detections:
        """What is found in each image; masks (N, 1, 28, 28) are those inside the boxes."""
        self.roi_heads.eval()  # torchvision asks the mode whether to find or to learn; nothing in there drops out
        proposals = self._propose(logits)
        found, _ = self.roi_heads(logits.maps, proposals, [logits.size] * len(proposals))
        return list(found)

    def loss(self, logits: Regions, target: Targets) -> Tensor:
        """Sum of the losses of the proposals (objectness, box) and of the regions (class, box, mask)."""
        images = len(logits.objectness[0])
        if len(target) != images:
            raise ValueError(f"the target must have a dict for each of {images} images, got {len(target)}")
        checked = [self._checked(each) for each in target]
        self.roi_heads.train()
        _, losses = self.roi_heads(logits.maps, self._propose(logits), [logits.size] * images, checked)
        return torch.stack([*self._proposal_losses(logits, checked), *losses.values()]).sum()

    def _propose(self, logits: Regions) -> list[Tensor]:
        """The most promising boxes (N, 4) of each image, of every map as many; nothing is learned through them."""
        anchors = self._anchors(logits)
        levels = [each[0].numel() for each in logits.objectness]
        objectness, deltas = concat_box_prediction_layers(list(logits.objectness), list(logits.deltas))
        boxes = self.rpn.box_coder.decode(deltas.detach(), anchors).view(len(anchors), -1, 4)
        proposals: list[Tensor]
        proposals, _ = self.rpn.filter_proposals(boxes, objectness, [logits.size] * len(anchors), levels)
        return proposals

    def _proposal_losses(self, logits: Regions, target: list[dict[str, Tensor]]) -> tuple[Tensor, Tensor]:
        anchors = self._anchors(logits)
        labels, boxes = self.rpn.assign_targets_to_anchors(anchors, target)
        flat = concat_box_prediction_layers(list(logits.objectness), list(logits.deltas))
        losses: tuple[Tensor, Tensor] = self.rpn.compute_loss(*flat, labels, self.rpn.box_coder.encode(boxes, anchors))
        return losses

    def _anchors(self, logits: Regions) -> list[Tensor]:
        images = ImageList(logits.objectness[0], [logits.size] * len(logits.objectness[0]))
        anchors: list[Tensor] = self.rpn.anchor_generator(images, logits.objectness)
        return anchors

    def _checked(self, target: Mapping[str, Tensor]) -> dict[str, Tensor]:
        wanted = ("boxes", "labels", *(("masks",) if self.masks else ()))
        if lacking := [name for name in wanted if name not in target]:
            raise ValueError(f"each image's target must hold {', '.join(wanted)}; {', '.join(lacking)} missing")
        boxes, labels = target["boxes"], target["labels"]
        if boxes.ndim != 2 or boxes.shape[1] != 4 or len(labels) != len(boxes):
            raise ValueError(f"boxes (N, 4) and labels (N,) wanted, got {tuple(boxes.shape)} and {tuple(labels.shape)}")
        if (boxes[:, 2:] <= boxes[:, :2]).any():
            raise ValueError("boxes must be x1 y1 x2 y2 with x2 > x1 and y2 > y1; drop those without an area")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.num_outputs:
            found = f"{int(labels.min())} to {int(labels.max())}"
            raise ValueError(f"labels must be 1 to {self.num_outputs - 1} (0 is the background), got {found}")
        return {name: target[name] for name in wanted}


class Instance(Detect):
    """As `Detect`, with a mask in each box: targets hold `masks` (N, H, W) of 0 and 1 too, and so do the answers."""

    masks = True


class Anchors(AnchorGenerator):  # type: ignore[misc]  # torchvision has no types
    """Anchors at the maps' true strides; torchvision divides the image's size by the map's, and rounds."""

    def __init__(self, strides: Sequence[int]) -> None:
        super().__init__(tuple((ANCHOR * stride,) for stride in strides), (RATIOS,) * len(strides))
        self.strides = tuple(strides)

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        """All anchors (N, 4) of each image."""
        first = feature_maps[0]
        self.set_cell_anchors(first.dtype, first.device)
        steps = [[torch.tensor(stride, device=first.device)] * 2 for stride in self.strides]
        anchors = torch.cat(self.grid_anchors([list(each.shape[-2:]) for each in feature_maps], steps))
        return [anchors] * len(image_list.image_sizes)


class Pool(MultiScaleRoIAlign):  # type: ignore[misc]
    """RoIAlign at the strides of the maps at hand, each told from the map before it.

    torchvision tells them from the image's size, so that two maps of a small image may seem of one stride, and keeps
    those of the first image it saw.
    """

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        """Each box (x1 y1 x2 y2, in pixels) from the map whose stride fits its size: (boxes, C, side, side)."""
        sides = [max(map(max, image_shapes)), *(max(x[name].shape[-2:]) for name in self.featmap_names)]
        levels = list(accumulate(round(math.log2(fine / coarse)) for fine, coarse in pairwise(sides)))
        self.scales = [2.0**-level for level in levels]
        self.map_levels = LevelMapper(levels[0], levels[-1])
        pooled: Tensor = super().forward(x, boxes, image_shapes)
        return pooled


def _pyramid(source: Backbone | Neck) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Channels and strides of the maps that objects are looked for in: all but one of stride 1."""
    first = source.map_strides[0] == 1 and len(source.map_strides) > 1
    return source.map_channels[first:], source.map_strides[first:]


def _proposals(width: int, strides: Sequence[int]) -> RegionProposalNetwork:
    return RegionProposalNetwork(
        Anchors(strides),
        RPNHead(width, len(RATIOS)),
        fg_iou_thresh=0.7,
        bg_iou_thresh=0.3,
        batch_size_per_image=256,
        positive_fraction=0.5,
        pre_nms_top_n={"training": PROPOSALS, "testing": PROPOSALS},
        post_nms_top_n={"training": PROPOSALS, "testing": PROPOSALS},
        nms_thresh=0.7,
    )


def _regions(width: int, levels: int, num_outputs: int, *, masks: bool) -> RoIHeads:
    names = _names(levels)
    regions = RoIHeads(
        Pool(names, output_size=7, sampling_ratio=2),
        TwoMLPHead(width * 7**2, HIDDEN),
        FastRCNNPredictor(HIDDEN, num_outputs),
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.5,
        batch_size_per_image=512,
        positive_fraction=0.25,
        bbox_reg_weights=None,  # torchvision's: 10, 10, 5, 5
        score_thresh=0.05,
        nms_thresh=0.5,
        detections_per_img=100,
    )
    if masks:
        regions.mask_roi_pool = Pool(names, output_size=14, sampling_ratio=2)
        regions.mask_head = MaskRCNNHeads(width, (MASK,) * 4, dilation=1)
        regions.mask_predictor = MaskRCNNPredictor(MASK, MASK, num_outputs)
    return regions


def _names(levels: int) -> list[str]:
    return [f"feat{level}" for level in range(levels)]
