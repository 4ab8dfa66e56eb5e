"""Names of published checkpoints to what is known of them."""

from collections.abc import Mapping
from types import MappingProxyType

from eo_models.names import nearest
from eo_models.published import PUBLISHED
from eo_models.weights import Weights

WEIGHTS: Mapping[str, Weights] = MappingProxyType({weights.name: weights for weights in PUBLISHED})
_ALIASES = {alias.casefold(): weights for weights in PUBLISHED for alias in (weights.name, *weights.aliases)}


def list_weights() -> tuple[Weights, ...]:
    """Every published checkpoint, system by system."""
    return tuple(WEIGHTS.values())


def is_weights(name: str) -> bool:
    """Whether a published checkpoint has this name or alias."""
    return name.casefold() in _ALIASES


def get_weights(name: str) -> Weights:
    """What is known of a published checkpoint.

    Args:
        name: Its name, such as `resnet50.softcon_s2`, or what its authors call it: `B13_rn50_softcon`,
            `Sentinel2_SwinB_SI_RGB`, `seco_resnet18_1m.ckpt`. Upper and lower case are one.

    Raises:
        ValueError: No checkpoint of this name; the nearest names are offered.
    """
    if not is_weights(name):
        raise ValueError(f"unknown weights {name!r}; {nearest(name, [*WEIGHTS, *_authors_names()])}")
    return _ALIASES[name.casefold()]


def _authors_names() -> list[str]:
    return [alias for weights in PUBLISHED for alias in weights.aliases]
