"""Pretraining methods, by name."""

from eo_train.methods.method import Method
from eo_train.methods.moco import MoCo
from eo_train.methods.seco import SeCo
from eo_train.methods.simclr import SimCLR
from eo_train.methods.softcon import SoftCon

METHODS: dict[str, type[Method]] = {"moco": MoCo, "seco": SeCo, "simclr": SimCLR, "softcon": SoftCon}

__all__ = ["METHODS", "Method", "MoCo", "SeCo", "SimCLR", "SoftCon"]
