"""What each package may import, and what importing it brings along."""

import subprocess
import sys

import pytest

HEAVY = {
    "eo_losses": {
        "numpy.linalg",
        "rasterio",
        "timm",
        "torchvision",
        "lightning_fabric",
        "sklearn",
        "rich",
        "jsonargparse",
    },
    "eo_data": {"timm", "torchvision", "lightning_fabric", "sklearn", "matplotlib"},
    "eo_models": {"rasterio", "lightning_fabric", "sklearn", "matplotlib"},
    "eo_train": {"sklearn", "matplotlib", "tensorboard"},
}


@pytest.mark.parametrize("package", HEAVY)
def test_importing_stays_light(package):
    code = f"import torch, sys; before = set(sys.modules); import {package}; print(*(set(sys.modules) - before))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY[package] & set(out)


def test_imports_point_one_way():
    result = subprocess.run(["lint-imports", "--no-cache"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
