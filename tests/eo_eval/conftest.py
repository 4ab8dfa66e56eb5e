import json
import shutil

import pytest
import torch
import yaml
from torch import nn
from torch.utils.data import Dataset

from eo_data import synthetic
from eo_eval.features import Features
from eo_models import Backbone, create_model, save_backbone


class Tiny(Backbone):
    """Means and standard deviations of the bands through a batch norm; tokens are its pixels."""

    def __init__(self, bands=("R", "G", "B"), sensor="rgb"):
        super().__init__("tiny", bands, sensor)
        self.body = nn.BatchNorm2d(len(self.bands))
        self.num_features = 2 * len(self.bands)
        self.normalization = [{"op": "affine", "scale": 1 / 255, "offset": 0}]

    @property
    def first_layer(self):
        raise AssertionError("not asked for here")

    def features(self, x):
        x = self.body(x)
        return torch.cat([x.mean((2, 3)), x.std((2, 3))], dim=1)

    def forward_maps(self, x):
        return [self.body(x)]

    def forward_tokens(self, x):
        patches = self.body(x).flatten(2).transpose(1, 2)
        return {"cls": patches[:, 0], "patches": patches}


class TinyPair(Backbone):
    """Two of these, one for each sensor."""

    def __init__(self, s1=("VV", "VH"), s2=("B04", "B08")):
        torch.nn.Module.__init__(self)
        self.name = "tiny_pair"
        self.s1, self.s2 = Tiny(s1, "sentinel1-grd"), Tiny(s2, "sentinel2-l1c")
        self.s1.normalization = self.s2.normalization = None
        self.sensor = {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}
        self.bands = {"s1": tuple(s1), "s2": tuple(s2)}
        self.normalization = {"s1": None, "s2": None}
        self.num_features = self.s1.num_features + self.s2.num_features
        self.adaptation = {}

    first_layer = Tiny.first_layer
    forward_maps = Tiny.forward_maps

    def check(self, x):
        return x

    def features(self, x):
        return torch.cat([self.s1(x["s1"]), self.s2(x["s2"])], dim=1)


class Samples(Dataset):
    """Samples from memory, with whatever attributes a test gives it."""

    def __init__(self, samples, **facts):
        self.samples = samples
        for name, value in facts.items():
            setattr(self, name, value)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return dict(self.samples[index])


@pytest.fixture(scope="session")
def tiny():
    return Tiny


class Painter(torch.nn.Module):
    """Draws what a data set's masks say, with a share of the pixels moved to the next class."""

    def __init__(self, backbone, dataset, classes=8, wrong=0.0):
        super().__init__()
        self.backbone, self.classes, self.place = backbone, classes, 0
        self.maps = [dataset[i]["mask"] for i in range(len(dataset))]
        self.wrong = wrong

    def forward(self, x):
        count = len(x["s1"] if isinstance(x, dict) else x)
        masks = torch.stack(self.maps[self.place : self.place + count])
        self.place = (self.place + count) % len(self.maps)
        moved = torch.rand(masks.shape, generator=torch.Generator().manual_seed(0)) < self.wrong
        said = torch.where(moved, masks + 1, masks).remainder(self.classes)
        return torch.nn.functional.one_hot(said, self.classes).permute(0, 3, 1, 2).float()


@pytest.fixture(scope="session")
def painter():
    return Painter


@pytest.fixture(scope="session")
def tiny_pair():
    return TinyPair


@pytest.fixture(scope="session")
def dfc2020(tmp_path_factory):
    """A synthetic DFC2020: two test patches and four of validation of each class."""
    return synthetic.write_dfc2020(tmp_path_factory.mktemp("dfc2020") / "world", validation=32, test=16, size=24)


@pytest.fixture(scope="session")
def dfc2020_of_32(tmp_path_factory):
    """One whose patches have 32 pixels, which a Swin-T can be built for."""
    return synthetic.write_dfc2020(tmp_path_factory.mktemp("dfc2020_32") / "world", validation=32, test=16, size=32)


@pytest.fixture(scope="session")
def meterml(tmp_path_factory):
    """A synthetic METER-ML: four train places of each class, two of val."""
    folder = tmp_path_factory.mktemp("meterml") / "world"
    return synthetic.write_meterml(folder, places=(28, 14, 0), size=12, combined=False)


@pytest.fixture(scope="session")
def samples():
    return Samples


@pytest.fixture(scope="session")
def pictures():
    """Makes a data set of uint8 pictures whose colour tells the class."""

    def make(count=30, *, classes=3, size=8, seed=0, **facts):
        generator = torch.Generator().manual_seed(seed)
        made = []
        for i in range(count):
            k = i % classes
            image = torch.randint(0, 60, (3, size, size), generator=generator)
            image[k % 3] += 60 + 30 * (k // 3)
            made.append({"image": image.to(torch.uint8), "label": torch.tensor(k), "id": f"{seed}-{i}"})
        known = {"bands": ("R", "G", "B"), "sensor": "rgb", "classes": tuple("abcdefgh"[:classes])}
        return Samples(made, **known | facts)

    return make


@pytest.fixture
def blobs():
    """Makes train and test features of overlapping classes."""

    def make(train=300, test=200, *, classes=4, dim=12, spread=1.5, seed=0):
        generator = torch.Generator().manual_seed(seed)
        centres = torch.randn(classes, dim, generator=generator)
        mix = torch.randn(dim, dim, generator=generator)
        both = []
        for count in (train, test):
            y = torch.randint(classes, (count,), generator=generator)
            x = (centres[y] + spread * torch.randn(count, dim, generator=generator)) @ mix + 3
            both.append(Features(x=x, y=y))
        return both

    return make


@pytest.fixture
def tagged():
    """Makes train and test features of multi-hot labels."""

    def make(train=300, test=200, *, classes=5, dim=12, seed=0):
        generator = torch.Generator().manual_seed(seed)
        direction = torch.randn(dim, classes, generator=generator)
        both = []
        for count in (train, test):
            x = torch.randn(count, dim, generator=generator)
            noise = torch.randn(count, classes, generator=generator)
            both.append(Features(x=x, y=(x @ direction + 2 * noise > 1.5).float()))
        return both

    return make


@pytest.fixture(scope="session")
def eurosat(tmp_path_factory):
    """A synthetic EuroSAT: per class 4 train, 2 val and 2 test pictures."""
    return synthetic.write_eurosat(tmp_path_factory.mktemp("eurosat") / "rgb", images="rgb", per_class=(4, 2, 2))


@pytest.fixture(scope="session")
def places(tmp_path_factory):
    """A synthetic SSL4EO-S12-ML in train/ and val/: few places, two seasons, Sentinel-2 and Sentinel-1."""
    root = tmp_path_factory.mktemp("places")
    for seed, (split, count) in enumerate({"train": 16, "val": 10}.items()):
        synthetic.write_ssl4eo_s12_ml(
            root / split, locations=count, seasons=2, products=("s1", "s2c"), size=24, seed=seed
        )
    return root


@pytest.fixture(scope="session")
def run_once(tmp_path_factory):
    """A run directory with a backbone, a few logged steps and a configuration; `run` copies it."""
    folder = tmp_path_factory.mktemp("runs") / "myrun"
    torch.manual_seed(1)
    model = create_model("resnet18", bands=("R", "G", "B"), sensor="rgb")
    model.normalization = [{"op": "affine", "scale": 1 / 255, "offset": 0}]
    save_backbone(model, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump({"recipe": "simclr_eurosat", "model": "resnet18"}))
    (folder / "environment.json").write_text(json.dumps({"python": "3.11", "versions": {"torch": "2.15.0"}}))
    header = "step,epoch,loss,lr,embedding_std,grad_norm,samples_per_s,data_wait,seconds"
    lines = [f"{step},{step / 10},{9 / step},{0.01 * step},0.04,,{500 + step},0.1,{step}" for step in range(1, 31)]
    (folder / "metrics.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


@pytest.fixture
def run(run_once, tmp_path):
    return shutil.copytree(run_once, tmp_path / "myrun")


@pytest.fixture(scope="session")
def bigearthnet(tmp_path_factory):
    return synthetic.write_bigearthnet(tmp_path_factory.mktemp("ben") / "v1", per_split=(16, 4, 6), size=36)


@pytest.fixture(scope="session")
def visible_run(tmp_path_factory):
    """A run on the visible bands of Sentinel-2."""
    torch.manual_seed(3)
    model = create_model("resnet18", bands=("B04", "B03", "B02"), sensor="sentinel2-l2a")
    model.normalization = [{"op": "affine", "scale": 1e-4, "offset": 0}]
    model.units = ("dn",) * 3
    folder = tmp_path_factory.mktemp("runs") / "mine"
    save_backbone(model, folder)
    return folder
