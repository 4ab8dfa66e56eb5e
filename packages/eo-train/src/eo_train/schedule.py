"""Schedules as pure functions of the step: nothing to save, nothing to resume wrongly."""

import math


def warmup_cosine(step: int, *, total: int, warmup: int, peak: float, final: float = 0.0) -> float:
    """Learning rate: linear from `peak / warmup` to `peak`, then half a cosine down to `final` (arXiv 1608.03983).

    Args:
        step: Optimizer step, counted from 0.
        total: Steps of the whole run; the last one, `total - 1`, is nearly at `final`.
        warmup: Steps of the linear part; 0 for none.
        peak: Highest value.
        final: Value that the cosine tends to.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    return final + (peak - final) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def ema_momentum(progress: float, *, base: float) -> float:
    """Momentum of a target encoder, from `base` to 1 by half a cosine (BYOL, arXiv 2006.07733, section 3.3).

    Args:
        progress: Share of the run that is done, 0 to 1.
        base: Momentum at the start, such as 0.99.
    """
    return 1 - (1 - base) * (1 + math.cos(math.pi * progress)) / 2
