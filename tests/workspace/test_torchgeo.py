"""TorchGeo's own data set objects go through our pretraining and our probes.

Run with `uv run --with torchgeo --with requests`; TorchGeo 0.8 imports requests without declaring it.
"""

from importlib.util import find_spec

import pytest
import torch

from eo_data import synthetic
from eo_eval import extract_features, knn, linear_probe
from eo_models import create_model
from eo_train import EngineConfig, PretrainConfig, pretrain

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchgeo") is None, reason="wants TorchGeo: uv run --with torchgeo --with requests"),
]
BANDS = ("B02", "B03", "B04", "B08")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthetic.write_eurosat(tmp_path_factory.mktemp("eurosat"), images="ms", per_class=(4, 2, 2), seed=0)


@pytest.fixture(scope="module")
def eurosat(root):
    from torchgeo import datasets

    return {split: datasets.EuroSAT(str(root), split=split, bands=BANDS) for split in ("train", "val", "test")}


def test_a_torchgeo_data_set_pretrains_and_is_probed(eurosat, tmp_path):
    config = PretrainConfig(
        output=str(tmp_path / "run"),
        method={"name": "simclr"},
        view_size=32,
        epochs=1,
        batch_size=8,
        engine=EngineConfig(accelerator="cpu", num_workers=0),
    )
    run = pretrain(config, eurosat["train"], bands=BANDS, sensor="sentinel2-l1c", units=["dn"] * 4)
    model = create_model(run)
    assert model.bands == BANDS
    train, test = (extract_features(model, eurosat[split], bands=BANDS) for split in ("train", "test"))
    assert train.x.shape == (40, 512)
    assert torch.isfinite(train.x).all()
    for score in (knn(train, test, k=5), linear_probe(train, test, folds=2)):
        assert 0 <= score.headline[1].value <= 1
