"""Optimizers by name, with weight decay on weight matrices and kernels alone."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """Optimizer and schedule."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    """In `adam` weight decay is part of the gradient, in `adamw` it is not."""
    lr: float = 0.03
    """Peak learning rate, as it is: not scaled by the batch size."""
    momentum: float = 0.9
    """Of SGD; the first beta of Adam and AdamW."""
    nesterov: bool = True
    """Nesterov momentum in SGD."""
    beta2: float = 0.999
    """The second beta of Adam and AdamW; 0.99 forgets sooner, which suits short runs."""
    weight_decay: float = 1e-4
    """Per step, in units of the weight."""
    decay: Literal["matrices", "all"] = "matrices"
    """What it acts on: weights of two or more dimensions, or biases and norms too."""
    schedule: Literal["cosine", "steps", "constant"] = "cosine"
    """What the learning rate does after the warm-up."""
    milestones: tuple[float, ...] = (0.6, 0.8)
    """Of `steps`: shares of the epochs at which the learning rate falls, at the start of an epoch."""
    gamma: float = 0.1
    """Of `steps`: what it is multiplied by there."""
    warmup_epochs: float = 0.0
    """Epochs of linear warm-up."""
    final_lr: float = 0.0
    """Learning rate that the cosine tends to."""
    cosine_epochs: float | None = None
    """Epochs that the half cosine takes; None is what is left of the run."""
    hold_epochs: float = 0.0
    """Epochs at the peak, between warm-up and cosine."""
    by_epoch: bool = False
    """Hold the learning rate over each epoch at the value of its start, as many a published trainer does."""
    classifier_lr: float | None = None
    """Peak learning rate of a method's `classifiers`; None is `lr`."""
    clip: float | None = None
    """Largest norm of the gradient; None leaves it as it is."""

    def __post_init__(self) -> None:
        for name in ("lr", "weight_decay", "warmup_epochs", "final_lr", "hold_epochs"):
            if getattr(self, name) < 0:
                raise ValueError(f"optim.{name} must not be negative, got {getattr(self, name)}")
        if self.cosine_epochs is not None and self.cosine_epochs <= 0:
            raise ValueError(
                f"optim.cosine_epochs must be above 0, or null for the whole run, got {self.cosine_epochs}"
            )
        if list(self.milestones) != sorted(self.milestones) or not all(0 < each < 1 for each in self.milestones):
            raise ValueError(f"optim.milestones are rising shares of the run, such as 0.6 0.8, got {self.milestones}")
        if self.clip is not None and self.clip <= 0:
            raise ValueError(f"optim.clip must be above 0, or null for none, got {self.clip}")


def build_optimizer(module: nn.Module, config: OptimConfig) -> Optimizer:
    """The optimizer over the parameters that want a gradient; a group's `share` is that of the learning rate."""
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}
    own = config.classifier_lr is not None and config.lr > 0
    classifiers = [p for name, p in named.items() if own and name.startswith("classifiers.")]
    parameters = [p for p in named.values() if not any(p is each for each in classifiers)]
    free = [p for p in parameters if p.ndim < 2 and config.decay == "matrices"]
    groups: list[dict[str, Any]] = [
        {
            "params": [p for p in parameters if p.ndim >= 2 or config.decay == "all"],
            "weight_decay": config.weight_decay,
        },
        {"params": free, "weight_decay": 0.0},
    ]
    if classifiers:
        share = (config.classifier_lr or 0.0) / config.lr
        groups.append({"params": classifiers, "weight_decay": config.weight_decay, "share": share})
    if config.name != "sgd":
        kind = AdamW if config.name == "adamw" else Adam
        return kind(groups, lr=config.lr, betas=(config.momentum, config.beta2))
    nesterov = config.nesterov and config.momentum > 0
    return SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov)
