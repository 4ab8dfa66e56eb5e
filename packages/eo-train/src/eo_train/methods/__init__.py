"""Pretraining methods, by name."""

from eo_train.methods.method import Method
from eo_train.methods.simclr import SimCLR
from eo_train.methods.softcon import SoftCon

METHODS: dict[str, type[Method]] = {"simclr": SimCLR, "softcon": SoftCon}

__all__ = ["METHODS", "Method", "SimCLR", "SoftCon"]
