"""Augmented views of a batch, made on the training device with parameters of their own for every sample."""

from eo_train.views.config import ViewConfig
from eo_train.views.module import Views
from eo_train.views.view import View

__all__ = ["View", "ViewConfig", "Views"]
