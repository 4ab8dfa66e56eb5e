"""A configuration in, a run directory out."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from rich.console import Console
from torch.utils.data import DataLoader, Dataset

from eo_data import Normalize
from eo_models import Backbone, create_model, initialize, save_backbone
from eo_train.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from eo_train.config import PretrainConfig, build
from eo_train.engine import build_fabric, precision_of
from eo_train.loader import StepSampler, build_loader, count_rows
from eo_train.log import Log, write_rows
from eo_train.loop import train
from eo_train.memory import InMemory
from eo_train.methods import METHODS
from eo_train.optim import OptimConfig, build_optimizer
from eo_train.plan import Plan
from eo_train.prepare import Prepare
from eo_train.run import claim, write_environment
from eo_train.schedule import warmup_cosine
from eo_train.source import Source, choose_normalization, open_source
from eo_train.views import Views


class StoppedError(Exception):
    """The run was asked to stop; its checkpoint is saved and `resume` goes on with it."""

    def __init__(self, folder: Path, step: int, last: int) -> None:
        super().__init__(f"stopped at step {step} of {last}; go on with --resume ({folder})")
        self.folder, self.step = folder, step


def pretrain(
    config: PretrainConfig,
    dataset: Dataset[Any] | None = None,
    *,
    bands: Sequence[str] | None = None,
    sensor: str | None = None,
    units: Sequence[str] = (),
    resume: bool = False,
) -> Path:
    """Pretrains a backbone and returns the run directory.

    Args:
        config: The run.
        dataset: Instead of the one that `config.data` names: any data set of dicts with an `image`, TorchGeo's too.
        bands: Of `dataset`, in channel order, where it does not tell itself by `.bands` and `.sensor`.
        sensor: Of `dataset`, likewise.
        units: Of `dataset`'s pixels, one per band, likewise by `.units`.
        resume: Go on from the last checkpoint in `config.output`, or from the start if it has none yet.

    Returns:
        The folder, with `config.yaml`, `metrics.csv`, `environment.json`, `checkpoints/`, `backbone.safetensors` and
        `backbone.json`.

    Raises:
        ValueError: The configuration, the data or the folder do not fit.
        FileNotFoundError: The data are not where they should be.
        StoppedError: SIGTERM or Ctrl-C came; everything is saved.
    """
    fabric, folder = build_fabric(config.engine), Path(config.output)
    source = open_source(config, dataset, bands=bands, sensor=sensor, units=units)
    plan = make_plan(config, fabric, source)
    torch.manual_seed(config.seed)
    backbone = build_backbone(config, source)
    method: Any = build(config.method, METHODS, backbone)
    prepare = build_prepare(config, fabric, backbone)
    if fabric.is_global_zero:
        claim(folder, config.to_dict() | {"data": source.described}, resume=resume)
    fabric.barrier()

    if config.engine.channels_last:
        method = method.to(memory_format=torch.channels_last)
    method, optimizer = fabric.setup(method, build_optimizer(method, config.optim))
    method.mark_forward_method("training_loss")
    state = {"method": method, "optimizer": optimizer, "step": 0}
    first = load_last(fabric, folder / "checkpoints", state)
    loader = open_loader(config, source, StepSampler(plan, first=first))

    def checkpoint(step: int) -> None:
        save_checkpoint(fabric, folder / "checkpoints", state | {"step": step})
        if fabric.is_global_zero:
            save_backbone(backbone, folder, step=step, recipe=config.recipe, method=config.method["name"])

    console = Console(quiet=not fabric.is_global_zero, highlight=False)
    console.print(describe(config, source, backbone, plan, first))
    with rows_of(config, fabric, console, first=first, last=plan.steps) as log:
        reached = train(
            fabric,
            method,
            optimizer,
            fabric.setup_dataloaders(loader, use_distributed_sampler=False),
            prepare,
            plan=plan,
            first=first,
            learning_rate=partial(learning_rate, config=config.optim, plan=plan),
            clip=config.optim.clip,
            log=log,
            log_every=config.log_every,
            checkpoint=checkpoint,
            checkpoint_every=config.checkpoint_every,
        )
    if reached < plan.steps:
        raise StoppedError(folder, reached, plan.steps)
    console.print(f"{plan.steps} steps done; the backbone is in {folder / 'backbone.safetensors'}")
    return folder


def make_plan(config: PretrainConfig, fabric: Fabric, source: Source) -> Plan:
    """The numbers of the run on these processes."""
    return Plan(
        rows=count_rows(source.dataset),
        epochs=config.epochs,
        batch_size=config.batch_size,
        micro_batches=config.micro_batches,
        seed=config.seed,
        rank=fabric.global_rank,
        world=fabric.world_size,
    )


def build_backbone(config: PretrainConfig, source: Source) -> Backbone:
    """The backbone for this data, at its initial weights."""
    backbone = create_model(config.model, bands=source.bands, sensor=source.sensor, img_size=config.view_size)
    backbone.units = source.units
    backbone.normalization = choose_normalization(config.normalization, source)
    if config.init_from:
        initialize(backbone, config.init_from, first_layer=config.first_layer)
    backbone.check(torch.zeros(1, len(source.bands), config.view_size, config.view_size))
    return backbone


def build_prepare(config: PretrainConfig, fabric: Fabric, backbone: Backbone) -> Prepare:
    """From a batch as stored to two views."""
    normalize = Normalize(backbone.normalization or [], backbone.bands).to(fabric.device)
    return Prepare(normalize, Views(config.views, config.view_size, backbone.bands), seasons=config.seasons)


def open_loader(config: PretrainConfig, source: Source, sampler: StepSampler) -> DataLoader[dict[str, Any]]:
    """Batches of the rest of the run, from the files or from memory."""
    workers = config.engine.num_workers
    if config.in_memory:
        return build_loader(InMemory(source.dataset, num_workers=workers), sampler, num_workers=0)
    return build_loader(source.dataset, sampler, num_workers=workers)


def load_last(fabric: Fabric, folder: Path, state: dict[str, Any]) -> int:
    """Restores the last checkpoint, if there is one, and gives the step to begin with."""
    found = checkpoints(folder)
    return load_checkpoint(fabric, found[-1], state) if found else 0


def learning_rate(step: int, *, config: OptimConfig, plan: Plan) -> float:
    """Warm-up and cosine over the plan."""
    warmup = round(config.warmup_epochs * plan.steps_per_epoch)
    return warmup_cosine(step, total=plan.steps, warmup=warmup, peak=config.lr, final=config.final_lr)


def rows_of(
    config: PretrainConfig, fabric: Fabric, console: Console, *, first: int, last: int
) -> AbstractContextManager[Log]:
    """Where this process's rows go: the first one's to the run's files, the others' nowhere."""
    if not fabric.is_global_zero:
        return nullcontext(lambda row: None)
    facts = {"precision": precision_of(config.engine), "processes": fabric.world_size, "device": str(fabric.device)}
    changed = write_environment(Path(config.output), facts)
    if changed:
        console.print(f"going on elsewhere, so the last bits will differ: {'; '.join(changed)}")
    return write_rows(Path(config.output), console, first=first, last=last, tensorboard=config.tensorboard)


def describe(config: PretrainConfig, source: Source, backbone: Backbone, plan: Plan, first: int) -> str:
    """One line that says what is about to run."""
    begun = f", going on from step {first}" if first else ""
    return (
        f"{config.method['name']} on {plan.rows} images of {len(source.bands)} bands ({source.sensor}): "
        f"{backbone.name}, {config.view_size} px, {plan.epochs} epochs, {plan.steps} steps of {plan.batch_size}, "
        f"{precision_of(config.engine)}{begun} -> {config.output}"
    )
