"""Real Sentinel-1 and Sentinel-2 images of four places go through the steps of CrossSensor."""

import os
from pathlib import Path

import pytest
import rasterio
import torch
from torch.utils.data import Dataset

from eo_data import SENSORS
from eo_data.dataset import part_of
from eo_train import EngineConfig, PretrainConfig, load_recipe, pretrain, read_metrics

PLACES = ("282D_485L_3_3", "38D_378R_2_3", "433D_629L_3_1")


class RealPairs(Dataset):
    """Three places of TerraMesh and one of SEN12MS, of each the upper left 64 pixels."""

    def __init__(self, root):
        pair = "ROIs1970_fall/{0}_139/ROIs1970_fall_{0}_139_p839.tif"
        mesh = root / "terramesh_examples"
        self.files = [(mesh / f"S1RTC/{place}.tif", mesh / f"S2L1C/{place}.tif") for place in PLACES]
        self.files += [tuple(root / "sen12ms_sample" / pair.format(key) for key in ("s1", "s2"))]
        sensors = {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}
        self.parts = {key: part_of(sensor, None, "sen12ms") for key, sensor in sensors.items()}
        self.bands = {key: SENSORS[sensor].band_names for key, sensor in sensors.items()}
        self.sensor = sensors

    def __len__(self):
        return len(self.files)

    def __getitem__(self, row):
        window = rasterio.windows.Window(0, 0, 64, 64)
        images = {}
        for key, path in zip(("s1", "s2"), self.files[row], strict=True):
            with rasterio.open(path) as file:
                images[key] = torch.from_numpy(file.read(window=window)).float()
        return {**images, "id": str(row)}


def test_real_pairs_are_trained_on(tmp_path):
    folder = os.environ.get("EO_DATA_DIR")
    if not folder:
        pytest.skip("EO_DATA_DIR is not set")
    changes = {"data": {}, "output": str(tmp_path / "run"), "model": "dual_resnet18", "view_size": 32, "epochs": 2}
    changes |= {"batch_size": 4, "log_every": 1, "in_memory": True, "optim.hold_epochs": 0}
    config = load_recipe("sen12ms_resnet50", changes) | {"data": {}}
    config["engine"] = EngineConfig(accelerator="cpu", precision="32-true", num_workers=0)
    run = pretrain(PretrainConfig.from_dict(config), RealPairs(Path(folder)))
    losses = [float(row["loss"]) for row in read_metrics(run)]
    assert len(losses) == 2
    assert all(0 < loss < 20 for loss in losses)
