"""FSDP: every process keeps a share of the parameters, and gathers a network's when it is to run."""

from typing import Any

import torch
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from eo_models import Backbone


class Sharding(ModelParallelStrategy):
    """Shards over all processes of all machines; checkpoints are one file, as those of any other run."""

    def __init__(self) -> None:
        super().__init__(shard, tensor_parallel_size=1, save_distributed_checkpoint=False)

    def setup_environment(self) -> None:
        """By itself the strategy would shard within each machine, and split the arithmetic besides."""
        self._data_parallel_size = self.num_nodes * self.num_processes
        super().setup_environment()


def shard(method: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Shards every network of a method that is called as one: backbones, those of two sensors by their sides, heads."""
    for network in networks(method):
        # also where no backward pass follows, as for keys: momentum wants shares to meet shares
        fully_shard(network, mesh=mesh["data_parallel"], reshard_after_forward=True)
    return method


def networks(module: nn.Module) -> list[nn.Module]:
    """The smallest modules below this one that hold parameters and are called as one."""
    found: list[nn.Module] = []
    for child in module.children():
        several = isinstance(child, nn.ModuleList | nn.ModuleDict) or (isinstance(child, Backbone) and child.parts)
        if several:
            found += networks(child)
        elif next(child.parameters(), None) is not None:
            found.append(child)
    return found


def gathered(module: nn.Module) -> dict[str, Tensor]:
    """The whole state of a module on the CPU; all processes must ask at once."""
    return {name: _whole(value).cpu() for name, value in module.state_dict().items()}


def _whole(value: Any) -> Tensor:
    whole: Tensor = value.full_tensor() if isinstance(value, torch.distributed.tensor.DTensor) else value
    return whole.detach()
