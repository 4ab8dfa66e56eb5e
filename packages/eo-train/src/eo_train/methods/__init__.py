"""Pretraining methods, by name."""

from eo_train.methods.cross_sensor import CrossSensor
from eo_train.methods.method import Method
from eo_train.methods.moco import MoCo
from eo_train.methods.seco import SeCo
from eo_train.methods.simclr import SimCLR
from eo_train.methods.softcon import SoftCon
from eo_train.methods.supcon_ce import SupConCE

METHODS: dict[str, type[Method]] = {
    "cross_sensor": CrossSensor,
    "moco": MoCo,
    "seco": SeCo,
    "simclr": SimCLR,
    "softcon": SoftCon,
    "supcon_ce": SupConCE,
}

__all__ = ["METHODS", "CrossSensor", "Method", "MoCo", "SeCo", "SimCLR", "SoftCon", "SupConCE"]
