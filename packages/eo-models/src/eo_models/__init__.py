"""Earth-observation backbones that say which bands in which units they want."""

from eo_models import satlas
from eo_models.backbone import Backbone
from eo_models.build import build_model
from eo_models.create import create_model, list_models
from eo_models.files import save_backbone, save_for_hub
from eo_models.initialize import initialize
from eo_models.model import Head, Model, Neck
from eo_models.registry import get_weights, is_weights, list_weights
from eo_models.request import is_path
from eo_models.weights import Weights

__all__ = [
    "Backbone",
    "Head",
    "Model",
    "Neck",
    "Weights",
    "build_model",
    "create_model",
    "get_weights",
    "initialize",
    "is_path",
    "is_weights",
    "list_models",
    "list_weights",
    "satlas",
    "save_backbone",
    "save_for_hub",
]
