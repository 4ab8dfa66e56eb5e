"""Contrastive pretraining of Earth-observation backbones on one visible loop."""

from eo_train.config import PretrainConfig
from eo_train.engine import EngineConfig
from eo_train.finetune import FinetuneConfig, finetune, load_model
from eo_train.inputs import InputConfig, Inputs
from eo_train.methods import METHODS, CrossSensor, Method, MoCo, SeCo, SimCLR, SoftCon, SupConCE
from eo_train.optim import OptimConfig
from eo_train.prepare import Prepared
from eo_train.pretrain import StoppedError, pretrain
from eo_train.recipes import list_recipes, load_recipe
from eo_train.run import read_metrics
from eo_train.views import View, ViewConfig, Views

__all__ = [
    "METHODS",
    "CrossSensor",
    "EngineConfig",
    "FinetuneConfig",
    "InputConfig",
    "Inputs",
    "Method",
    "MoCo",
    "OptimConfig",
    "Prepared",
    "PretrainConfig",
    "SeCo",
    "SimCLR",
    "SoftCon",
    "StoppedError",
    "SupConCE",
    "View",
    "ViewConfig",
    "Views",
    "finetune",
    "list_recipes",
    "load_model",
    "load_recipe",
    "pretrain",
    "read_metrics",
]
