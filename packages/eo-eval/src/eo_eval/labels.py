"""What a probe asks of its labels before it starts."""

import torch.nn.functional as F
from torch import Tensor

from eo_eval.features import Features


def check_pair(train: Features, test: Features) -> int:
    """Refuses features that cannot be probed together; gives the number of classes K."""
    for name, features in (("train", train), ("test", test)):
        if len(features) == 0:
            raise ValueError(f"the {name} features are empty")
        if features.y is None:
            raise ValueError(f"the {name} features carry no labels; a probe needs them")
        unknown = int((~features.labelled).sum())
        if unknown:
            raise ValueError(
                f"{unknown} of {len(features)} {name} rows are unlabelled; leave them out with "
                "drop_unlabelled(features) or extract_features(..., unlabelled='drop')"
            )
        infinite = int((~features.x.isfinite().all(1)).sum())
        if infinite:
            raise ValueError(f"{infinite} of {len(features)} {name} rows are not finite")
    assert train.y is not None
    assert test.y is not None
    if train.x.shape[1] != test.x.shape[1]:
        raise ValueError(f"train features have {train.x.shape[1]} dimensions, test features {test.x.shape[1]}")
    if train.y.shape[1:] != test.y.shape[1:]:
        kinds = [f"multi-hot over {y.shape[1]}" if y.ndim == 2 else "classes" for y in (train.y, test.y)]
        raise ValueError(f"train and test labels differ in kind: {kinds[0]} and {kinds[1]}")
    if train.classes != test.classes:
        raise ValueError(f"train and test name different classes: {train.classes} and {test.classes}")
    if train.y.ndim == 2:
        return train.y.shape[1]
    found = int(max(train.y.max(), test.y.max())) + 1
    if train.classes is not None and found > len(train.classes):
        raise ValueError(f"label {found - 1} has no name: there are {len(train.classes)} classes, counted from 0")
    return found if train.classes is None else len(train.classes)


def targets(y: Tensor, classes: int) -> Tensor:
    """One-hot (N, K) of classes (N,), multi-hot labels as they are; float32."""
    return F.one_hot(y, classes).float() if y.ndim == 1 else y.float()
