"""Earth-observation backbones that say which bands in which units they want."""

from eo_models.backbone import Backbone
from eo_models.create import create_model, is_path, list_models
from eo_models.files import save_backbone
from eo_models.initialize import initialize

__all__ = ["Backbone", "create_model", "initialize", "is_path", "list_models", "save_backbone"]
