"""Protocols: records of plain switches that the evaluators read, so that every score can say how it was made."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What published code and careful code do differently when they probe a frozen backbone."""

    name: str
    batch_norm: Literal["frozen", "adapted"]
    """Whether running statistics stay as pretrained, or follow one pass over the train images."""
    metric_batch: int | None
    """Average the metric over batches of this many rows; None measures over the whole set."""
    replacement: bool
    """Draw a label fraction with replacement, `numpy.random.default_rng(seed).choice(N, int(fraction * N))`."""


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            Protocol(name="recommended", batch_norm="frozen", metric_batch=None, replacement=False),
            # The transfer code of zhu-xlab/SSL4EO-S12 and zhu-xlab/DeCUR, whose seed is 42. What it optimises with
            # (SGD at a searched learning rate) has no switch here: the probe's fit has one optimum.
            Protocol(name="published", batch_norm="adapted", metric_batch=64, replacement=True),
        )
    }
)


def get_protocol(name: str) -> Protocol:
    """The protocol of this name."""
    if name not in PROTOCOLS:
        near = get_close_matches(name, PROTOCOLS, n=1, cutoff=0.3) or list(PROTOCOLS)
        raise ValueError(f"unknown protocol {name!r}; nearest known: {', '.join(near)}")
    return PROTOCOLS[name]
