"""Fine-tuning from a configuration: a backbone with a head in, a run directory out."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from rich.console import Console
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from eo_models import save_backbone
from eo_models.model import Model
from eo_train.batch_norm import BatchNormMode, train_mode
from eo_train.checkpoint import load_last, save_checkpoint
from eo_train.config import listed
from eo_train.engine import EngineConfig, build_fabric, precision_of
from eo_train.inputs import InputConfig, Inputs
from eo_train.loader import StepSampler, count_rows
from eo_train.log import Log, write_rows
from eo_train.loop import Meter, refuse_nan, seed_draws
from eo_train.memory import open_loader
from eo_train.optim import OptimConfig, build_optimizer
from eo_train.orientation import TURNS, turn
from eo_train.plan import Plan
from eo_train.pretrain import StoppedError, learning_rate
from eo_train.run import claim, write_environment
from eo_train.signals import StopRequest
from eo_train.task import Task, target_of


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """One fine-tuning run. Every quirk of a published protocol is a plain switch here."""

    output: str
    """Folder of the run; it is made, and must not hold anything else."""
    trained: Literal["head", "all"] = "all"
    """What gets gradients: neck and head alone, or the backbone too."""
    batch_norm: BatchNormMode = "frozen"
    """By which statistics the backbone's batch norms go, and whether the running ones follow the new data."""
    backbone_lr: float = 1.0
    """Learning rate of the backbone as a share of that of neck and head."""
    dropout: float = 0.0
    """On the feature, before a head that takes one."""
    turns: tuple[str, ...] = ()
    """What is done to images and masks at random: `hflip`, `vflip`, `rot90`."""
    inputs: InputConfig = field(default_factory=InputConfig)
    """How images are brought to the network."""
    epochs: int = 100
    """Passes over the data."""
    batch_size: int = 256
    """Images of an optimizer step, over all processes; images that do not fill a last one wait for the next epoch."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """Optimizer and schedule."""
    engine: EngineConfig = field(default_factory=EngineConfig)
    """Devices, precision, loading."""
    in_memory: bool = False
    """Read every sample once, before the first step, and keep it; for data that fit into memory."""
    seed: int = 0
    """Of the order of the data, dropout and turns; the weights are those that the model came with."""
    log_every: int = 10
    """Steps between two rows of `metrics.csv`."""
    checkpoint_every: int = 200
    """Steps between two checkpoints."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in self.turns:
            if name not in TURNS:
                raise ValueError(f"turns are {', '.join(TURNS)}, got {name!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability below 1, got {self.dropout}")
        if self.backbone_lr <= 0:
            raise ValueError(f"backbone_lr is a share above 0, got {self.backbone_lr}; trained='head' leaves it alone")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as YAML holds them."""
        plain: dict[str, Any] = listed(asdict(self))
        return plain


def finetune(config: FinetuneConfig, model: Model, dataset: Dataset[Any], *, resume: bool = False) -> Path:
    """Trains a model with a head on a labelled data set, in place, and returns the run directory.

    Args:
        config: The run.
        model: As `eo_models.build_model` makes it, its backbone with a normalization. On return it is trained, and in
            evaluation mode.
        dataset: Gives dicts with `image` (or `s1` and `s2`; two dates as (2, C, H, W)) and `label` or `mask`: classes,
            multi-hot, or a mask whose 255 is left out of the loss.
        resume: Go on from the last checkpoint in `config.output`, or from the start if it has none yet.

    Returns:
        The folder, with `config.yaml`, `metrics.csv`, `environment.json`, `checkpoints/`, the whole `model.pt`, and
        the backbone alone as `backbone.safetensors` and `backbone.json`.

    Raises:
        ValueError: The configuration, the data, the model or the folder do not fit.
        StoppedError: SIGTERM or Ctrl-C came; everything is saved.
        FloatingPointError: The loss is no longer a number.
    """
    fabric, folder = build_fabric(config.engine), Path(config.output)
    plan = make_plan(config, fabric, count_rows(dataset))
    inputs = Inputs(model.backbone, config.inputs).to(fabric.device)
    if fabric.is_global_zero:
        described = {"model": model.backbone.facts(), "data": type(dataset).__name__, "rows": plan.rows}
        claim(folder, config.to_dict() | described, resume=resume)
    fabric.barrier()
    model.backbone.requires_grad_(config.trained == "all")
    if config.engine.channels_last:
        model = model.to(memory_format=torch.channels_last)
    task, optimizer = fabric.setup(Task(model, dropout=config.dropout), group_parameters(model, config))
    state = {"task": task, "optimizer": optimizer, "step": 0}
    first = load_last(fabric, folder / "checkpoints", state)
    sampler = StepSampler(plan, first=first)
    loader = open_loader(dataset, sampler, in_memory=config.in_memory, num_workers=config.engine.num_workers)
    console = Console(quiet=not fabric.is_global_zero, highlight=False)
    if fabric.is_global_zero:
        write_environment(folder, {"precision": precision_of(config.engine), "processes": fabric.world_size})
    with write_rows(folder, console, first=first, last=plan.steps, tensorboard=False) as log:
        reached = fit(
            fabric,
            task,
            optimizer,
            fabric.setup_dataloaders(loader, use_distributed_sampler=False),
            inputs,
            config=config,
            plan=plan,
            first=first,
            log=log if fabric.is_global_zero else lambda row: None,
            checkpoint=lambda step: save(fabric, folder, state, model, step),
        )
    model.eval()
    if reached < plan.steps:
        raise StoppedError(folder, reached, plan.steps)
    return folder


def fit(
    fabric: Fabric,
    task: Any,
    optimizer: Optimizer,
    batches: Iterable[Any],
    inputs: Inputs,
    *,
    config: FinetuneConfig,
    plan: Plan,
    first: int,
    log: Log,
    checkpoint: Callable[[int], None],
) -> int:
    """The loop: batch, inputs, turns, loss, backward, step, log. Returns the step it came to."""
    source, meter = iter(batches), Meter(plan.batch_size, first)
    train_mode(task, task.model.backbone, config.batch_norm)
    with StopRequest() as stop:
        for step in range(first, plan.steps):
            rate = learning_rate(step, config=config.optim, plan=plan)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["share"]
            batch = meter.waited(source)
            generator = seed_draws(plan, step, 0)
            images, target = turn(inputs(batch), target_of(batch), config.turns, generator)
            loss = task.module.loss(task(images), target)
            fabric.backward(loss)
            if config.optim.clip:
                fabric.clip_gradients(task, optimizer, max_norm=config.optim.clip)
            optimizer.step()
            optimizer.zero_grad()
            done = step + 1
            stopped = stop.signal is not None
            if done % config.log_every == 0 or done == plan.steps or stopped:
                mean = float(fabric.all_reduce(loss.detach(), reduce_op="mean"))  # type: ignore[arg-type]
                refuse_nan(mean, done, batch)
                log({"step": done, "epoch": done / plan.steps_per_epoch, "loss": mean, "lr": rate} | meter.read(done))
            if done % config.checkpoint_every == 0 or done == plan.steps or stopped:
                checkpoint(done)
            if stopped:
                return done
    return plan.steps


def make_plan(config: FinetuneConfig, fabric: Fabric, rows: int) -> Plan:
    """The numbers of the run on these processes."""
    return Plan(
        rows=rows,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        rank=fabric.global_rank,
        world=fabric.world_size,
    )


def group_parameters(model: Model, config: FinetuneConfig) -> Optimizer:
    """The optimizer; each group has the `share` of the learning rate that it gets."""
    beside = nn.ModuleList(part for part in (model.neck, model.head) if part is not None)
    optimizer = build_optimizer(beside, config.optim)
    for group in optimizer.param_groups:
        group["share"] = 1.0
    if config.trained == "all":
        for group in build_optimizer(model.backbone, config.optim).param_groups:
            optimizer.add_param_group({**group, "share": config.backbone_lr})
    return optimizer


def save(fabric: Fabric, folder: Path, state: dict[str, Any], model: Model, step: int) -> None:
    """A checkpoint to go on from, and the model to use."""
    save_checkpoint(fabric, folder / "checkpoints", state | {"step": step})
    if fabric.is_global_zero:
        save_backbone(model.backbone, folder, step=step)
        temporary = folder / ".model.pt.tmp"
        torch.save({name: value.detach().cpu() for name, value in model.state_dict().items()}, temporary)
        temporary.replace(folder / "model.pt")


def load_model(model: Model, folder: Path) -> Model:
    """Puts the weights that `finetune` left in a folder into a model of the same build, in evaluation mode."""
    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    return model.eval()
