"""For people who come from `satlaspretrain_models`: the same call, the same outputs, its defects mended.

    from eo_models import satlas
    model = satlas.get_pretrained_model("Sentinel2_SwinB_SI_RGB", fpn=True, head=satlas.Head.SEGMENT, num_categories=5)
    outputs, loss = model(images, targets)

What version 0.3.1 of the package does otherwise:

- Its upsampling layers are left random, though every file holds their weights; here they are loaded.
- Its multi-image ResNets look at one image and refuse several; here all are looked at, as in allenai/satlas. The
  images may also come as (B, T, C, H, W).
- DETECT and INSTANCE read the maps of strides 1, 4, 8, 16 with an FPN, pool wide boxes from no map at all, and fail
  without an FPN; here they read strides 4, 8, 16, 32, as the published heads do, with or without it. The package takes
  the strides from an image padded to multiples of 32; here they are the maps' own, and no box leaves the image.
- MULTICLASSIFY fails on targets; here they are 0 and 1 of any dtype.
- REGRESS cuts the fraction of its targets off; here it counts.
- One category under a softmax is always certain; it is refused, with what to take instead.
- A single-image file loads into a multi-image model and the other way round; here it is refused, as is any other file
  that is not this model's. Downloads are verified, kept, and read as data alone.
- It returns the model in training mode, so that a Swin drops paths at random; here it is in evaluation mode.
"""

from enum import Enum
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from eo_models.backbone import Backbone
from eo_models.detection import Detect, Detections, Instance, Targets
from eo_models.fpn import FPNUpsample
from eo_models.heads import ClassifyMaps, MultilabelMaps, PerPixel
from eo_models.meanings import ONE_OF, Meaning, check_target
from eo_models.model import Head as AnyHead
from eo_models.names import nearest
from eo_models.published.satlas import SATLAS
from eo_models.request import Request, prepare
from eo_models.satlas_heads import PublishedSegment, error_in_bytes, in_bytes

IDENTIFIERS = tuple(weights.aliases[0] for weights in SATLAS)
"""The authors' ids, such as `Sentinel2_SwinB_SI_RGB`."""


def _cross_entropy_of_one_hot(raw: Tensor, target: Tensor) -> Tensor:
    check_target(target, tuple(raw.shape), "one class in each pixel")
    return ONE_OF.loss(raw, target.argmax(dim=1))


class OneHotSegment(PublishedSegment):
    """One class a pixel, from one-hot targets (B, K, H, W)."""

    meaning = Meaning(ONE_OF.activate, _cross_entropy_of_one_hot)


class SquaredRegress(PerPixel):
    """255 times the first channel; mean squared error against targets (B, H, W) divided by 255."""

    meaning = Meaning(in_bytes, error_in_bytes(F.mse_loss))
    to_image = False


class Head(Enum):
    """What the package's heads are called."""

    CLASSIFY = ClassifyMaps
    MULTICLASSIFY = MultilabelMaps
    DETECT = Detect
    INSTANCE = Instance
    SEGMENT = PublishedSegment
    BINSEGMENT = OneHotSegment
    REGRESS = SquaredRegress


def get_pretrained_model(
    model_identifier: str,
    fpn: bool = False,
    head: Head | str | None = None,
    num_categories: int | None = None,
    checkpoint: str | Path | None = None,
) -> "SatlasModel":
    """A Satlas model with the outputs of `satlaspretrain_models`.

    Args:
        model_identifier: One of the authors' 22 ids, such as `Sentinel2_SwinB_SI_RGB`, or our name of the same weights.
        fpn: Put the published FPN and upsampling layers behind the backbone.
        head: A `Head`, or its name; it is random.
        num_categories: Outputs of the head; for DETECT and INSTANCE with the background.
        checkpoint: A local copy of the published file; None downloads it, verifies it and keeps it.

    Returns:
        A module in evaluation mode. Without a head it maps images to feature maps: strides 4, 8, 16, 32, with `fpn`
        strides 1, 4, 8, 16, 32. With one it maps images and targets, if any, to (outputs, loss).

    Raises:
        ValueError: Unknown id or head, no `num_categories`, a file of another model.
    """
    kind = _head(head)
    if kind is not None and num_categories is None:
        raise ValueError(f"head {kind.name} needs num_categories=...")
    known = {alias.casefold() for weights in SATLAS for alias in (weights.name, *weights.aliases)}
    if model_identifier.casefold() not in known:
        raise ValueError(f"invalid model_identifier {model_identifier!r}; {nearest(model_identifier, IDENTIFIERS)}")
    file = None if checkpoint is None else Path(checkpoint)
    prepared = prepare(Request(name=model_identifier, pretrained=file is None, checkpoint=file))
    model = SatlasModel(prepared.model, fpn=fpn, head=kind, num_categories=num_categories)
    prepared.load({"fpn": model.fpn, "upsample": model.upsample} if model.fpn and model.upsample else {})
    return model.eval()


class SatlasModel(nn.Module):
    """A backbone, perhaps an FPN with upsampling layers, perhaps a head, under the package's parameter names.

    Attributes:
        backbone: One of Satlas'.
        fpn: The feature pyramid, or None.
        upsample: The layers behind it, or None.
        head: The head, or None.
    """

    def __init__(
        self, backbone: Backbone, *, fpn: bool = False, head: Head | None = None, num_categories: int | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        neck = FPNUpsample(backbone) if fpn else None
        self.fpn = neck and neck.fpn
        self.upsample = neck and neck.upsample
        self.head: AnyHead | None = head and head.value(backbone, neck, num_categories)

    def forward(
        self, imgs: Tensor, targets: Tensor | Targets | None = None
    ) -> list[Tensor] | tuple[Tensor | Detections, Tensor | None]:
        """Maps without a head, (outputs, loss) with one.

        Args:
            imgs: (B, C, H, W), of several images (B, T*C, H, W) or (B, T, C, H, W), normalized.
            targets: SEGMENT: classes (B, h, w) at the size of the output. BINSEGMENT: one-hot (B, K, h, w). REGRESS:
                quantities (B, h, w). CLASSIFY: classes (B,). MULTICLASSIFY: 0 and 1, (B, K). DETECT, INSTANCE:
                torchvision's dicts, read in training mode only.

        Returns:
            With a head: probabilities; for REGRESS 255 times the first channel; for DETECT and INSTANCE torchvision's
            dicts (masks 28x28), or in training mode an empty list. The loss is None without targets; of DETECT and
            INSTANCE it is 0 in evaluation mode.
        """
        maps = self._maps(imgs)
        if self.head is None:
            return maps
        logits = self.head(maps, (imgs.shape[-2], imgs.shape[-1]))
        if isinstance(self.head, Detect):
            if not self.training:
                return self.head.find(logits), imgs.new_zeros(())
            if targets is None or isinstance(targets, Tensor):
                raise ValueError("targets should not be None in training mode: pass a dict an image, or model.eval()")
            return [], self.head.loss(logits, targets)
        return self.head.activate(logits), None if targets is None else self.head.loss(logits, targets)

    def _maps(self, imgs: Tensor) -> list[Tensor]:
        maps = self.backbone.forward_maps(imgs)
        if self.fpn is None or self.upsample is None:
            return maps
        maps = self.fpn(maps)
        return maps if isinstance(self.head, Detect) else [self.upsample(maps[0]), *maps]


def _head(head: Head | str | None) -> Head | None:
    """The head of this name; a member of another enumeration, such as the package's own, goes by its name."""
    if head is None or isinstance(head, Head):
        return head
    name = str(getattr(head, "name", head))
    if name.upper() not in Head.__members__:
        raise ValueError(f"invalid head {name!r}; {nearest(name, Head.__members__)}")
    return Head[name.upper()]
