"""A configuration in, a run directory out."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from rich.console import Console
from torch.optim import Optimizer
from torch.utils.data import Dataset

from eo_data import Normalize
from eo_models import Backbone, create_model, initialize, save_backbone
from eo_train.batch_norm import freeze_batch_norm
from eo_train.checkpoint import load_last, save_checkpoint
from eo_train.config import PretrainConfig, build
from eo_train.engine import build_fabric, precision_of
from eo_train.gradient import Clock, untimed
from eo_train.loader import IMAGES, StepSampler, count_rows
from eo_train.log import Log, write_rows
from eo_train.loop import train
from eo_train.memory import open_loader
from eo_train.methods import METHODS, Method
from eo_train.methods.sides import sides
from eo_train.optim import OptimConfig, build_optimizer
from eo_train.plan import Plan
from eo_train.prepare import Prepare, settle_dates
from eo_train.run import claim, write_environment
from eo_train.schedule import steps_down, warmup_cosine
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
    parts, folder = assemble(config, dataset, bands=bands, sensor=sensor, units=units), Path(config.output)
    fabric, plan, backbone = parts.fabric, parts.plan, parts.backbone
    if fabric.is_global_zero:
        claim(folder, config.to_dict() | {"data": parts.source.described}, resume=resume)
    fabric.barrier()
    state = {"method": parts.method, "optimizer": parts.optimizer, "step": 0}
    first = load_last(fabric, folder / "checkpoints", state)

    def checkpoint(step: int) -> None:
        save_checkpoint(fabric, folder / "checkpoints", state | {"step": step})
        if parts.saved is not backbone:
            from eo_train.sharding import gathered

            parts.saved.load_state_dict(gathered(backbone))
        if fabric.is_global_zero:
            save_backbone(parts.saved, folder, step=step, recipe=config.recipe, method=config.method["name"])

    console = Console(quiet=not fabric.is_global_zero, highlight=False)
    console.print(describe(config, parts, first), soft_wrap=True)
    with rows_of(config, fabric, console, first=first, last=plan.steps) as log:
        reached = run_steps(config, parts, first=first, log=log, checkpoint=checkpoint)
    if reached < plan.steps:
        raise StoppedError(folder, reached, plan.steps)
    console.print(f"{plan.steps} steps done; the backbone is in {folder / 'backbone.safetensors'}", soft_wrap=True)
    return folder


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a run is made of, set up on its devices."""

    fabric: Fabric
    source: Source
    plan: Plan
    backbone: Backbone
    saved: Backbone
    """What is written to `backbone.safetensors`: the backbone itself, or a whole copy of a sharded one."""
    method: Any
    """A `Method` in Fabric's wrapping."""
    optimizer: Optimizer
    prepare: Prepare


def assemble(
    config: PretrainConfig,
    dataset: Dataset[Any] | None = None,
    *,
    bands: Sequence[str] | None = None,
    sensor: str | None = None,
    units: Sequence[str] = (),
) -> Parts:
    """Builds a run, at its initial weights; nothing is written."""
    fabric = build_fabric(config.engine)
    source = open_source(config, dataset, bands=bands, sensor=sensor, units=units)
    plan = make_plan(config, fabric, source)
    torch.manual_seed(config.seed)
    backbone = build_backbone(config, source)
    method: Any = build(config.method, METHODS, backbone)
    prepare = build_prepare(config, fabric, backbone, method, count_dates(config, method, source))
    method.train()  # a backbone that was loaded comes in evaluation mode
    if config.batch_norm == "frozen":
        freeze_batch_norm(method)
    if config.engine.channels_last and config.engine.strategy != "fsdp":
        method = method.to(memory_format=torch.channels_last)
    if config.engine.compile:
        compile_backbones(method)
    saved = deepcopy(backbone) if config.engine.strategy == "fsdp" else backbone
    method = fabric.setup_module(method)
    optimizer: Any = fabric.setup_optimizers(build_optimizer(method.module, config.optim))
    return Parts(
        fabric=fabric,
        source=source,
        plan=plan,
        backbone=backbone,
        saved=saved,
        method=method,
        optimizer=optimizer,
        prepare=prepare,
    )


def run_steps(
    config: PretrainConfig,
    parts: Parts,
    *,
    first: int,
    log: Log,
    checkpoint: Callable[[int], None],
    clock: Clock = untimed,
) -> int:
    """Trains from a step on, and returns the step it came to."""
    sampler = StepSampler(parts.plan, first=first)
    loader = open_loader(
        parts.source.dataset, sampler, in_memory=config.in_memory, num_workers=config.engine.num_workers
    )
    return train(
        parts.fabric,
        parts.method,
        parts.optimizer,
        parts.fabric.setup_dataloaders(loader, use_distributed_sampler=False, move_to_device=False),
        parts.prepare,
        plan=parts.plan,
        first=first,
        learning_rate=partial(learning_rate, config=config.optim, plan=parts.plan),
        clip=config.optim.clip,
        log=log,
        log_every=config.log_every,
        checkpoint=checkpoint,
        checkpoint_every=config.checkpoint_every,
        cached=config.cache_gradients,
        skip=config.bad_pixels == "skip",
        clock=clock,
    )


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
    bands: Any = {key: image.bands for key, image in source.images.items()}
    sensor: Any = {key: image.sensor for key, image in source.images.items()}
    if "image" in source.images:  # a backbone of two sensors takes the mappings
        bands, sensor = bands["image"], sensor["image"]
    two = len(source.images) > 1
    file = config.init_from if two else None
    backbone = create_model(config.model, checkpoint=file, bands=bands, sensor=sensor, img_size=config.view_size)
    for key, side in sides(backbone).items():
        side.units = source.images[key].units
        side.normalization = choose_normalization(config.normalization, source, key)
    if config.init_from and not two:
        initialize(backbone, config.init_from, first_layer=config.first_layer)
    for side in sides(backbone).values():
        side.check(torch.zeros(1, len(side.bands), config.view_size, config.view_size))
    return backbone


def count_dates(config: PretrainConfig, method: Method, source: Source) -> int:
    """How many dates of a sample the views come from."""
    asked = method.dates if config.seasons is None else config.seasons
    if asked < min(method.dates, 2):
        raise ValueError(
            f"{config.method['name']} compares {method.dates} seasons, got seasons={asked}; give at least 2"
        )
    if asked == 1:
        return 1
    images: Mapping[str, Any] = source.dataset[0]
    image = next(value for key, value in images.items() if key in IMAGES)
    return settle_dates(asked, image.shape[0] if image.ndim == 4 else 1, replacement=method.replacement)


def build_prepare(config: PretrainConfig, fabric: Fabric, backbone: Backbone, method: Method, dates: int) -> Prepare:
    """From a batch as stored to the views that the method wants."""
    return Prepare(
        {
            key: Normalize(side.normalization or [], side.bands).to(fabric.device)
            for key, side in sides(backbone).items()
        },
        {key: Views(config.views, config.view_size, side.bands) for key, side in sides(backbone).items()},
        method.views,
        dates=dates,
        replacement=method.replacement,
        sensors={key: side.sensor for key, side in sides(backbone).items()},
    )


def learning_rate(step: int, *, config: OptimConfig, plan: Plan) -> float:
    """The schedule over the plan."""
    epoch = plan.steps_per_epoch
    if config.by_epoch:
        step -= step % epoch
    warmup, hold = round(config.warmup_epochs * epoch), round(config.hold_epochs * epoch)
    if config.schedule == "steps" and step >= warmup:
        return steps_down(step // epoch / plan.epochs, peak=config.lr, milestones=config.milestones, gamma=config.gamma)
    final = config.final_lr if config.schedule == "cosine" else config.lr
    total = plan.steps if config.cosine_epochs is None else warmup + hold + round(config.cosine_epochs * epoch)
    return warmup_cosine(step, total=total, warmup=warmup, peak=config.lr, final=final, hold=hold)


def compile_backbones(method: Method) -> None:
    """Compiles every backbone in place, those of keys and targets too; a dual one by its sides."""
    for module in method.modules():
        if isinstance(module, Backbone) and not any(isinstance(each, Backbone) for each in module.children()):
            module.compile()


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


def describe(config: PretrainConfig, parts: Parts, first: int) -> str:
    """What is about to run, and what one should know of it."""
    plan, name = parts.plan, config.method["name"]
    bands = " + ".join(f"{len(image.bands)} bands ({image.sensor})" for image in parts.source.images.values())
    begun = f", going on from step {first}" if first else ""
    lines = [
        f"{name} on {plan.rows} images of {bands}: "
        f"{parts.backbone.name}, {config.view_size} px, {plan.epochs} epochs, {plan.steps} steps of {plan.batch_size}, "
        f"{precision_of(config.engine)}{begun} -> {config.output}"
    ]
    if 1 < parts.prepare.dates < parts.method.dates:
        lines.append(
            f"{name} compares {parts.method.dates} dates and there are {parts.prepare.dates}: keys take the other one"
        )
    if config.cache_gradients:
        seen = "is frozen" if config.batch_norm == "frozen" else f"sees {plan.micro_batch_size} images at a time"
        lines.append(f"gradients are cached: {plan.batch_size} images are contrasted at once, batch norm {seen}")
    return "\n".join(lines)
