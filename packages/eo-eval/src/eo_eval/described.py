"""What a data set says about itself, also through the wrappers that people put around one."""

from collections.abc import Sequence
from typing import Any

from eo_data import canonical_band
from eo_models import Backbone


def described(dataset: object, name: str) -> Any:
    """An attribute of a data set, or of the one that it wraps (`torch.utils.data.Subset`, ...); None without one."""
    while dataset is not None:
        value = getattr(dataset, name, None)
        if value is not None:
            return value
        dataset = getattr(dataset, "dataset", None)
    return None


def data_bands(model: Backbone, dataset: object, bands: Sequence[str] | None = None) -> tuple[str, ...]:
    """Canonical names of the data's channels: `bands` if given, else what the data set says, in any known spelling."""
    named = bands if bands is not None else described(dataset, "bands")
    if named is None or isinstance(named, str):
        raise ValueError(
            f"{type(dataset).__name__} does not say its bands: pass bands=[...], the name of every channel in order"
        )
    return tuple(canonical_band(name, model.sensor) for name in named)


def channel_order(model: Backbone, have: Sequence[str], *, select: bool = False) -> list[int] | None:
    """Which channel of the data goes into each channel of the model; None when they agree already.

    Args:
        model: Says which bands it takes.
        have: Canonical names of the data's channels.
        select: Pick and reorder by name; without it, anything but the same bands in the same order is refused.
    """
    want = tuple(model.bands)
    if tuple(have) == want:
        return None
    missing = [name for name in want if name not in have]
    facts = f"{model.name} takes {' '.join(want)}, the data has {' '.join(have)}"
    if missing:
        raise ValueError(f"{facts}; missing: {' '.join(missing)}")
    if not select:
        raise ValueError(f"{facts}; pass select_bands=True to pick them by name")
    return [have.index(name) for name in want]
