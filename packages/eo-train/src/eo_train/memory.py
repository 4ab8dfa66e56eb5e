"""Data small enough to be read once."""

from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from eo_train.loader import StepSampler, build_loader, collate, count_rows

AT_ONCE = 64


class InMemory(Dataset[dict[str, Any]]):
    """All samples of a data set, read once and kept as stored; the bytes are those of the uncompressed pixels.

    Args:
        dataset: Gives samples of one shape.
        num_workers: Processes that read.
    """

    def __init__(self, dataset: Dataset[Any], *, num_workers: int = 0) -> None:
        if getattr(dataset, "draws", False):
            raise ValueError(
                "in_memory reads every sample once, and this data set draws other windows or seasons in every epoch: "
                "leave out data.crop and data.seasons, or in_memory"
            )
        self.rows, self.order = count_rows(dataset), getattr(dataset, "order", None)
        generator = torch.Generator()  # the loader would draw from the global one
        reader = DataLoader(dataset, AT_ONCE, collate_fn=collate, num_workers=num_workers, generator=generator)
        self.batches = list(reader)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> dict[str, Any]:
        batch, within = divmod(row, AT_ONCE)
        return {key: values[within] for key, values in self.batches[batch].items()}


def open_loader(
    dataset: Dataset[Any], sampler: StepSampler, *, in_memory: bool, num_workers: int
) -> DataLoader[dict[str, Any]]:
    """Batches of the rest of a run, from the files or from memory."""
    if in_memory:
        return build_loader(InMemory(dataset, num_workers=num_workers), sampler, num_workers=0)
    return build_loader(dataset, sampler, num_workers=num_workers)
