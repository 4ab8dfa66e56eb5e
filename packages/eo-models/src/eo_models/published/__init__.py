"""The published files, one literal table per system."""

from eo_models.published.satlas import SATLAS
from eo_models.published.seco import SECO
from eo_models.published.softcon import SOFTCON
from eo_models.published.ssltransformerrs import SSLTRANSFORMERRS
from eo_models.published.supcon_ssl import SUPCON_SSL
from eo_models.weights import Weights

PUBLISHED: tuple[Weights, ...] = (*SOFTCON, *SECO, *SATLAS, *SSLTRANSFORMERRS, *SUPCON_SSL)
"""Every checkpoint that `create_model` knows by name."""
