"""Optimizers by name, with weight decay on weight matrices and kernels alone."""

from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.optim import SGD, AdamW, Optimizer


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """Optimizer and schedule."""

    name: Literal["sgd", "adamw"] = "sgd"
    """`sgd` has Nesterov momentum."""
    lr: float = 0.03
    """Peak learning rate, as it is: not scaled by the batch size."""
    momentum: float = 0.9
    """Of SGD; the first beta of AdamW."""
    beta2: float = 0.999
    """The second beta of AdamW; 0.99 forgets sooner, which suits short runs."""
    weight_decay: float = 1e-4
    """On weights of two or more dimensions; biases and norms have none."""
    warmup_epochs: float = 0.0
    """Epochs of linear warm-up before the cosine."""
    final_lr: float = 0.0
    """Learning rate that the cosine tends to."""
    clip: float | None = None
    """Largest norm of the gradient; None leaves it as it is."""

    def __post_init__(self) -> None:
        for name in ("lr", "weight_decay", "warmup_epochs", "final_lr"):
            if getattr(self, name) < 0:
                raise ValueError(f"optim.{name} must not be negative, got {getattr(self, name)}")
        if self.clip is not None and self.clip <= 0:
            raise ValueError(f"optim.clip must be above 0, or null for none, got {self.clip}")


def build_optimizer(module: nn.Module, config: OptimConfig) -> Optimizer:
    """The optimizer over the parameters that want a gradient."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    if config.name == "adamw":
        return AdamW(groups, lr=config.lr, betas=(config.momentum, config.beta2))
    return SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0)
