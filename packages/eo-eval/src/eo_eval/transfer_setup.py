"""What may be changed of a transfer task's protocol."""

from dataclasses import dataclass, field, fields, replace
from typing import Literal

from eo_eval.transfer_task import Recipe, Transfer
from eo_train import EngineConfig


@dataclass(frozen=True, kw_only=True)
class TransferSetup:
    """What may be changed of a protocol, or has nothing to do with it. None: as the protocol says."""

    protocol: str = "recommended"
    """`recommended` or `published`, see `TRANSFERS`."""
    fraction: float | None = None
    """Share of the train labels."""
    normalization: str | None = None
    """Steps from stored pixels to the model's input, by name (`eo_data.normalization_for`)."""
    epochs: int | None = None
    """Passes over the train images."""
    batch_size: int | None = None
    """Train images of a step."""
    trained: Literal["head", "all"] | None = None
    """What gets gradients."""
    sensor: str | None = None
    """Of a task on two sensors, the one that an architecture of a single sensor gets."""
    img_size: int | None = None
    """Image size that an architecture's positions or windows are made for; None is its own."""
    seed: int | None = None
    """Of fraction, order and head."""
    bootstrap: int = 1000
    """Resamples for the 95 % interval."""
    in_memory: bool = False
    """Read every train image once and keep it."""
    engine: EngineConfig = field(default_factory=EngineConfig)
    """Devices, precision, loading."""

    def recipe(self, task: Transfer) -> Recipe:
        """The protocol's switches with these changes."""
        known = {each.name for each in fields(Recipe)}
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name in known}
        return replace(
            task.recipe(self.protocol), **{name: value for name, value in given.items() if value is not None}
        )
