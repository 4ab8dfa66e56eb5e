"""Batches in an order that is a pure function of the seed, so that a resumed run sees what it would have seen."""

from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from eo_train.plan import Plan

GRIDS = ("", "_10m", "_20m", "_60m")  # one image, or one for each native resolution
IMAGES = tuple(key + grid for key in ("image", "s1", "s2") for grid in GRIDS)
KEYS = (*IMAGES, "label", "labelled", "mask", "id")  # what methods use; data sets may give more, which stays behind


class StepSampler(Sampler[list[Any]]):
    """The rows of this process's every micro-batch, from a step to the end of the run.

    One pass over it is all the rest of a run, so that workers never stop between two epochs.

    Args:
        plan: Of the run.
        first: Step to begin with, counted from 0.
        dataset: A packed one has an `order` of its own, which keeps rows of one place apart, and may draw windows and
            seasons: then it is asked for `(row, epoch)`.
    """

    def __init__(self, plan: Plan, *, first: int = 0, dataset: Dataset[Any] | None = None) -> None:
        self.plan, self.first = plan, first
        self.ordered, self.draws = getattr(dataset, "order", None), getattr(dataset, "draws", False)

    def __len__(self) -> int:
        return (self.plan.steps - self.first) * self.plan.micro_batches

    def __iter__(self) -> Iterator[list[Any]]:
        plan, order = self.plan, torch.empty(0)
        for step in range(self.first, plan.steps):
            epoch, within = divmod(step, plan.steps_per_epoch)
            if within == 0 or step == self.first:
                order = self.order(epoch)
            rows = order[within * plan.batch_size : (within + 1) * plan.batch_size]
            mine = rows[plan.rank :: plan.world]
            for part in mine.view(plan.micro_batches, plan.micro_batch_size).tolist():
                yield [(row, epoch) for row in part] if self.draws else part

    def order(self, epoch: int) -> torch.Tensor:
        """The rows in the order of an epoch, a pure function of the seed."""
        plan = self.plan
        if self.ordered is None:
            return plan.order(epoch)
        order: torch.Tensor = self.ordered(epoch, batch_size=plan.batch_size, seed=plan.seed)
        if len(order) < plan.steps_per_epoch * plan.batch_size:
            raise ValueError(
                f"only {len(order) // plan.batch_size} of {plan.steps_per_epoch} batches of {plan.batch_size} can be "
                "filled with rows of different places; lower batch_size, or set data.distinct_places to false"
            )
        return order


def collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Stacks what methods use of the samples' dicts."""
    first = samples[0]
    if not isinstance(first, Mapping) or not any(key in first for key in IMAGES):
        got = f"a dict of {', '.join(map(str, first))}" if isinstance(first, Mapping) else type(first).__name__
        raise ValueError(f"a data set gives dicts with an `image`, or `s1` and `s2`, got {got}")
    return {key: default_collate([sample[key] for sample in samples]) for key in KEYS if key in first}


def build_loader(dataset: Dataset[Any], sampler: StepSampler, *, num_workers: int) -> DataLoader[dict[str, Any]]:
    """A loader over the rest of the run."""
    return DataLoader(
        dataset,
        batch_sampler=StepSampler(sampler.plan, first=sampler.first, dataset=dataset),
        collate_fn=collate,
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if num_workers else None,
        generator=torch.Generator().manual_seed(
            sampler.plan.seed
        ),  # leaves the global one, which steps draw from, alone
    )


def message_of(error: Exception) -> str:
    """What an error says, without the traceback that a loader puts before one of its workers'."""
    return str(error).rpartition(f"\n{type(error).__name__}: ")[2].strip()


def count_rows(dataset: Dataset[Any]) -> int:
    """Length of an indexable data set."""
    if not isinstance(dataset, Sized):
        raise ValueError(f"{type(dataset).__name__} has no length; wrap it in a data set of integer rows")
    return len(dataset)
