"""By which statistics a backbone's batch norms go while it is fine-tuned."""

from typing import Literal, TypeAlias

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

BatchNormMode: TypeAlias = Literal["frozen", "batch", "moving"]
"""`frozen`: by the running ones, which stay those of pretraining. `batch`: by the batch's own, and the running ones
stay. `moving`: by the batch's own, and the running ones, by which the network is evaluated, follow the new data."""


def train_mode(module: nn.Module, backbone: nn.Module, mode: BatchNormMode) -> None:
    """Puts all of `module` into training mode, the batch norms of its backbone as `mode` says."""
    module.train()
    for part in backbone.modules():
        if isinstance(part, _BatchNorm) and mode == "frozen":
            part.eval()
        elif isinstance(part, _BatchNorm) and mode == "batch":
            part.momentum = 0.0
