"""Schedules as pure functions of the step: nothing to save, nothing to resume wrongly."""

import math
from collections.abc import Sequence


def warmup_cosine(step: int, *, total: int, warmup: int, peak: float, final: float = 0.0, hold: int = 0) -> float:
    """Learning rate: linear from `peak / warmup` to `peak`, then half a cosine down to `final` (arXiv 1608.03983).

    Args:
        step: Optimizer step, counted from 0.
        total: Steps until the cosine ends; the last one, `total - 1`, is nearly at `final`.
        warmup: Steps of the linear part; 0 for none.
        peak: Highest value.
        final: Value that the cosine tends to.
        hold: Steps at `peak` before it.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = max(0, step - warmup - hold) / max(1, total - warmup - hold)
    return final + (peak - final) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def steps_down(share: float, *, peak: float, milestones: Sequence[float], gamma: float) -> float:
    """Learning rate that falls by `gamma` at every milestone, shares of the run like `share` itself."""
    return peak * gamma ** sum(share >= each for each in milestones)


def ema_momentum(progress: float, *, base: float) -> float:
    """Momentum of a target encoder, from `base` to 1 by half a cosine (BYOL, arXiv 2006.07733, section 3.3).

    Args:
        progress: Share of the run that is done, 0 to 1.
        base: Momentum at the start, such as 0.99.
    """
    return 1 - (1 - base) * (1 + math.cos(math.pi * progress)) / 2
