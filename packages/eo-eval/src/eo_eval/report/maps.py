"""Maps as the page shows them: image, truth, what was drawn, and where the two differ."""

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from eo_eval.confusion import iou
from eo_eval.report.classes import in_words
from eo_eval.report.scores import method_words
from eo_eval.store import Maps

_Pixels = npt.NDArray[np.uint8]

PALETTE = (
    "#1b7837", "#c9a227", "#a6d96a", "#3fb8af", "#e78ac3", "#d7301f", "#b8a99a", "#2b6cb0", "#6a51a3", "#444b52",
)  # fmt: skip
"""Colours of classes 0, 1, ...: those of DFC2020 look like what they are."""
NONE, RIGHT, WRONG = "#ffffff", "#dfe5e2", "#c2500a"


def maps_view(held: Maps) -> dict[str, Any]:
    """The legend, the pictures, and how well each class is drawn."""
    share = held.counts.sum(1).double() / held.counts.sum().clamp_min(1)
    return {
        "dataset": held.dataset,
        "split": held.split,
        "method": method_words({"method": held.method}),
        "images": held.images,
        "legend": _legend(held),
        "strips": [_strip(held, index) for index in range(len(held.shown))],
        "bars": [
            {"name": in_words(name), "value": float(value), "share": float(part)}
            for name, value, part in zip(held.classes, iou(held.counts), share, strict=True)
        ],
    }


def _legend(held: Maps) -> list[dict[str, str]]:
    named = [(in_words(name), _colour(k)) for k, name in enumerate(held.classes)]
    named += [("no class", NONE), ("right", RIGHT), ("wrong", WRONG)]
    return [{"name": name, "colour": colour} for name, colour in named]


def _strip(held: Maps, index: int) -> dict[str, Any]:
    truth, predicted = held.truth[index].numpy(), held.predicted[index].numpy()
    known = truth < len(held.classes)
    colours = np.stack([_rgb(_colour(k)) for k in range(len(held.classes))] + [_rgb(NONE)])
    errors = np.where(known[..., None], np.where((truth == predicted)[..., None], _rgb(RIGHT), _rgb(WRONG)), _rgb(NONE))
    pictures = {
        "image": held.pictures[index].permute(1, 2, 0).numpy(),
        "truth": colours[np.where(known, truth, len(held.classes))],
        "drawn": colours[predicted],
        "errors": errors.astype(np.uint8),
    }
    right = f"{100 * float((truth == predicted)[known].mean()):.0f} % right" if known.any() else "no class anywhere"
    return {
        "id": held.shown[index],
        "right": f"{held.shown[index]}: {right}",
        "pictures": [{"what": what, "data": _png(pixels)} for what, pixels in pictures.items()],
    }


def _colour(k: int) -> str:
    return PALETTE[k % len(PALETTE)]


def _rgb(colour: str) -> _Pixels:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)


def _png(pixels: _Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
