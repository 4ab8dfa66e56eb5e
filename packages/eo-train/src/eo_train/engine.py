"""Devices, processes and precision, which Lightning Fabric takes care of."""

import logging
from dataclasses import dataclass
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.strategy import Strategy

# A run's own first line says its precision.
logging.getLogger("lightning_fabric.utilities.rank_zero").addFilter(
    lambda record: "Automatic Mixed Precision" not in record.getMessage()
)


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """Where and how the arithmetic runs."""

    accelerator: str = "auto"
    """`auto`, `cpu`, `cuda`, `mps`, as Fabric names them."""
    devices: int | str = "auto"
    """Number of devices, or `auto` for all GPUs (one process on the CPU)."""
    num_nodes: int = 1
    """Machines that take part, under torchrun or SLURM."""
    strategy: str = "auto"
    """`auto`, `ddp` and others as Fabric names them; `fsdp` shards parameters and optimizer over the processes."""
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    """`auto` is `bf16-mixed` where the hardware computes in it (AMX or AVX512-BF16; CUDA from compute capability 8.0),
    else `32-true`."""
    channels_last: bool = True
    """Keep images and kernels channels-last in memory, which convolutions are fastest with; under `fsdp` images alone,
    as it shards no other memory than contiguous."""
    compile: bool = False
    """Compile the backbones with `torch.compile`: a minute at the start, faster steps on a GPU."""
    num_workers: int = 1
    """Processes that read and decode; 0 reads in the loop itself."""


def build_fabric(config: EngineConfig) -> Fabric:
    """A launched Fabric."""
    devices = 1 if config.devices == "auto" and not torch.cuda.is_available() else config.devices
    strategy: str | Strategy = config.strategy
    if config.strategy == "fsdp":
        from eo_train.sharding import Sharding  # torch.distributed costs seconds that other runs can spare

        strategy = Sharding()
    fabric = Fabric(
        accelerator=config.accelerator,
        devices=devices,
        num_nodes=config.num_nodes,
        strategy=strategy,
        precision=precision_of(config),
    )
    fabric.launch()
    return fabric


def precision_of(config: EngineConfig) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """The precision asked for; `auto` is the one that this hardware is fast at."""
    if config.precision != "auto":
        return config.precision
    if config.accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        fast = torch.cuda.get_device_capability() >= (8, 0)
    else:
        able = torch.cpu.get_capabilities()
        fast = config.accelerator in ("auto", "cpu") and any(able.get(name) for name in ("amx_bf16", "avx512_bf16"))
    return "bf16-mixed" if fast else "32-true"
