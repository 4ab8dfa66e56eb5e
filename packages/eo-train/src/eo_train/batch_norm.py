"""By which statistics batch norms go while they are trained."""

from typing import Literal, TypeAlias

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

BatchNormMode: TypeAlias = Literal["frozen", "batch", "moving"]
"""`frozen`: by the running ones, which stay those of pretraining. `batch`: by the batch's own, and the running ones
stay. `moving`: by the batch's own, and the running ones, by which the network is evaluated, follow the new data."""


def freeze_batch_norm(module: nn.Module) -> None:
    """Batch norm goes by its running statistics, and no longer moves them."""
    for each in module.modules():
        if isinstance(each, _BatchNorm):
            each.eval()


def train_mode(module: nn.Module, backbone: nn.Module, mode: BatchNormMode) -> None:
    """Puts all of `module` into training mode, the batch norms of its backbone as `mode` says."""
    module.train()
    if mode == "frozen":
        freeze_batch_norm(backbone)
    for part in backbone.modules():
        if isinstance(part, _BatchNorm) and mode == "batch":
            part.momentum = 0.0
