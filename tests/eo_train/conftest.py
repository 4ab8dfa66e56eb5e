import pytest
import torch

from eo_data.dataset import Part
from eo_models import Backbone
from eo_models.create import ARCHITECTURES

RGB = ("R", "G", "B")


class TinyEarth(torch.utils.data.Dataset):
    """Random 8-bit images that tell their bands, as ours do."""

    bands, sensor, units = RGB, "rgb", ("uint8",) * 3
    normalization = ({"op": "affine", "scale": 1 / 255, "offset": 0.0},)

    def __init__(self, count=24, size=40):
        self.images = torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return {"image": self.images[row].to(torch.uint8), "label": row % 3, "id": f"place-{row}"}


class TinySeasons(torch.utils.data.Dataset):
    """Random places on a few dates, four bands, labels of nine kinds per date."""

    bands, sensor, units = ("B02", "B03", "B04", "B08"), "sentinel2-l2a", ("uint8",) * 4
    normalization = ({"op": "affine", "scale": 1 / 255, "offset": 0.0},)

    def __init__(self, dates=3, count=12, size=36):
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randint(0, 256, (count, dates, 4, size, size), generator=generator)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return {"image": self.images[row].to(torch.uint8), "id": f"place-{row}"}


class TinyNet(Backbone):
    """A backbone of a thousand weights, so that a run of the whole engine takes a moment."""

    num_features, map_channels, map_strides = 16, (16,), (4,)

    def __init__(self, name, bands, sensor):
        super().__init__(name, bands, sensor)
        conv = torch.nn.Conv2d(len(bands), 16, 5, stride=4)
        self.body = torch.nn.Sequential(conv, torch.nn.BatchNorm2d(16), torch.nn.ReLU())

    @property
    def first_layer(self):
        return self.body[0]

    def features(self, x):
        return self.body(x).mean((2, 3))

    def forward_maps(self, x):
        return [self.body(self.check(x))]


class TinyDual(TinyNet):
    """Two of them, one for each sensor."""

    parts, num_features = ("s1", "s2"), 32

    def __init__(self, name, bands, sensor):
        torch.nn.Module.__init__(self)
        self.name, self.bands, self.sensor, self.units, self.normalization = name, bands, sensor, {}, {}
        self.weights, self.adaptation = "", {}
        self.s1, self.s2 = (TinyNet("tiny", bands[key], sensor[key]) for key in self.parts)

    @property
    def members(self):
        return {"s1": self.s1, "s2": self.s2}


class TinyPairs(torch.utils.data.Dataset):
    """Random Sentinel-1 and Sentinel-2 images of places of three classes; one Sentinel-1 image may hold NaN."""

    def __init__(self, bad=(), count=16):
        self.bad, self.count = bad, count
        self.parts = {
            "s1": Part("sentinel1-grd", ("VV", "VH"), ("db",) * 2, None),
            "s2": Part("sentinel2-l1c", ("B02", "B03", "B04"), ("dn",) * 3, None),
        }
        self.bands, self.sensor = ("VV", "VH", "B02", "B03", "B04"), "sentinel1-grd+sentinel2-l1c"

    def __len__(self):
        return self.count

    def __getitem__(self, row):
        generator = torch.Generator().manual_seed(row)
        s1 = torch.randn(2, 36, 36, generator=generator) - 12
        if row in self.bad:
            s1[:, :3] = float("nan")
        s2 = torch.randint(0, 4000, (3, 36, 36), generator=generator, dtype=torch.int32).to(torch.uint16)
        return {"s1": s1, "s2": s2, "label": row % 3, "id": f"pair-{row}"}


@pytest.fixture
def tiny_pairs():
    return TinyPairs


@pytest.fixture(autouse=True)
def tiny_architecture(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "tiny_dual", TinyDual)
    monkeypatch.setitem(ARCHITECTURES, "tiny", TinyNet)


@pytest.fixture
def tiny_earth():
    return TinyEarth()


@pytest.fixture
def tiny_seasons():
    return TinySeasons


@pytest.fixture
def tiny_config(tmp_path):
    """A run of a few seconds: 24 images, 32 px, 3 steps an epoch."""
    from eo_train import EngineConfig, PretrainConfig

    def build(**changes):
        fields = {
            "method": {"name": "simclr", "hidden": 16, "out": 8},
            "model": "tiny",
            "output": str(tmp_path / "run"),
            "normalization": [{"op": "affine", "scale": 1 / 255, "offset": 0.0}],
            "view_size": 32,
            "epochs": 2,
            "batch_size": 8,
            "log_every": 1,
            "checkpoint_every": 2,
            "engine": EngineConfig(accelerator="cpu", precision="32-true", num_workers=0),
        }
        return PretrainConfig(**(fields | changes))

    return build
