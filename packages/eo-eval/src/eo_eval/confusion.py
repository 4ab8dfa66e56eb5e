"""Scores of classes from their confusion matrix, counted over a whole set: of images, or of pixels."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def confusion(predicted: Tensor, target: Tensor, classes: int, *, ignore: int = 255) -> Tensor:
    """How often each true class (row) was predicted as each class (column), (K, K) int64; adds up over batches.

    Args:
        predicted: Classes 0 to K-1, any shape.
        target: True classes of the same shape; `ignore` and negative ones are left out.
        classes: K.
        ignore: Marks what belongs to no class.
    """
    if predicted.shape != target.shape:
        raise ValueError(
            f"predicted and target must have one shape, got {tuple(predicted.shape)}, {tuple(target.shape)}"
        )
    known = (target != ignore) & (target >= 0)
    truth, said = target[known], predicted[known]
    highest = int(torch.cat([truth, said]).max()) if len(truth) else 0
    if highest >= classes:
        raise ValueError(f"class {highest} out of range: there are {classes} classes, counted from 0, and {ignore}")
    return torch.bincount(truth * classes + said, minlength=classes**2).view(classes, classes)


def recall(counts: Tensor) -> Tensor:
    """Share of each class that is found, (K,); NaN for a class that is nowhere."""
    return counts.diag() / counts.sum(1)


def iou(counts: Tensor) -> Tensor:
    """Intersection over union of each class, (K,); NaN for a class that is nowhere and never predicted."""
    return counts.diag() / (counts.sum(0) + counts.sum(1) - counts.diag())


def f1(counts: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN) of each class, (K,); NaN for a class that is nowhere and never predicted."""
    return 2 * counts.diag() / (counts.sum(0) + counts.sum(1))


def overall_accuracy(counts: Tensor) -> float:
    """Share of all that is right."""
    return float(counts.diag().sum() / counts.sum())


def average_accuracy(counts: Tensor) -> float:
    """Mean recall of the classes that occur."""
    return float(recall(counts).nanmean())


def mean_iou(counts: Tensor, *, absent: Literal["skip", "zero"] = "skip") -> float:
    """Mean IoU; classes that are nowhere are left out, or count 0 as in lukasliebel/dfc2020_baseline."""
    each = iou(counts)
    return float(each.nanmean() if absent == "skip" else each.nan_to_num(0).mean())


def macro_f1(counts: Tensor) -> float:
    """Mean F1 of the classes that are somewhere or predicted."""
    return float(f1(counts).nanmean())


OF_MAPS: Mapping[str, Callable[[Tensor], float]] = MappingProxyType(
    {"mIoU": mean_iou, "average_accuracy": average_accuracy, "accuracy": overall_accuracy, "macro_F1": macro_f1}
)
"""What maps are measured by, the headline first."""


def batch_mean_recall(batches: Sequence[Tensor]) -> tuple[Tensor, float]:
    """Recall of each class as the mean over batches, and the mean over classes, as SSLTransformerRS has it.

    Batches weigh alike whatever their size, and a class that one batch lacks makes its score and the mean NaN
    (HSG-AIML/SSLTransformerRS:metrics.py).
    """
    each = torch.stack([recall(counts) for counts in batches]).mean(0)
    return each, float(each.mean())


def count_ignored(predicted: Tensor, target: Tensor, classes: int, *, ignore: int = 255) -> Tensor:
    """As `confusion`, with what belongs to no class as one more class, always wrong: (K+1, K+1).

    So do SSLTransformerRS and SupCon_SSL with images whose commonest class is none.
    """
    counts = F.pad(confusion(predicted, target, classes, ignore=ignore), (0, 1, 0, 1))
    unknown = predicted[target == ignore]
    counts[classes] = F.pad(torch.bincount(unknown, minlength=classes), (0, 1))
    return counts
