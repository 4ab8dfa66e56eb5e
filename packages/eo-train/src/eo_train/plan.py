"""The numbers of a run: how many steps, of how many images, in which order."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the rows of a data set become optimizer steps."""

    rows: int
    """Images of the data set."""
    epochs: int
    """Passes over them."""
    batch_size: int
    """Images of an optimizer step, over all processes and micro-batches."""
    micro_batches: int = 1
    """Batches whose gradients make one step."""
    seed: int = 0
    """Of every random draw."""
    rank: int = 0
    """This process."""
    world: int = 1
    """Number of processes."""

    def __post_init__(self) -> None:
        parts = self.micro_batches * self.world
        if self.batch_size % parts or self.batch_size // parts < 2:
            raise ValueError(
                f"batch_size {self.batch_size} must split into {self.world} processes x {self.micro_batches} "
                "micro-batches of at least 2 images each: contrast needs another one"
            )
        if self.rows < self.batch_size:
            raise ValueError(f"batch_size {self.batch_size} is more than the {self.rows} images there are; lower it")

    @property
    def steps_per_epoch(self) -> int:
        """Whole steps in a pass; rows that do not fill the last one wait for the next epoch, shuffled in anew."""
        return self.rows // self.batch_size

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def micro_batch_size(self) -> int:
        """Images that a process takes at once."""
        return self.batch_size // (self.micro_batches * self.world)

    def order(self, epoch: int) -> torch.Tensor:
        """The rows in the order of an epoch, a pure function of the seed."""
        return torch.randperm(self.rows, generator=torch.Generator().manual_seed(self.seed * 1_000_003 + epoch))
