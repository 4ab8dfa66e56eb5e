"""Real Sentinel-1 and Sentinel-2 images of one place: a pair of SEN12MS, and three places of TerraMesh."""

from pathlib import Path

import pytest
import rasterio
import torch
from torch import Tensor

from eo_data import SEN12MS, SENSORS, Normalize, normalization_for
from eo_data.normalize import Step

PLACES = ("282D_485L_3_3", "38D_378R_2_3", "433D_629L_3_1")
SENSOR = {"S1RTC": "sentinel1-grd", "S2L1C": "sentinel2-l1c", "S2L2A": "sentinel2-l2a"}
OFFSET: Step = {"op": "remove_offset", "value": 1000}


@pytest.fixture
def terramesh(real_data):
    """(product, place) -> pixels as stored and their bands; TerraMesh keeps them in canonical order."""

    def read(product: str, place: str) -> tuple[Tensor, tuple[str, ...]]:
        with rasterio.open(Path(real_data) / "terramesh_examples" / product / f"{place}.tif") as file:
            return torch.from_numpy(file.read()), SENSORS[SENSOR[product]].band_names

    return read


def check(pixels, bands, *, before=()):
    """Fixed statistics give numbers of the order of 1, the published steps maxima of 1."""
    fixed = Normalize([*before, *normalization_for("sen12ms")], bands)(pixels)
    assert fixed.abs().mean() < 2
    assert 0.2 < fixed.std() < 2
    published = Normalize(normalization_for("ssltransformerrs"), bands)(pixels)
    peak = published.amax(dim=(1, 2))
    assert (peak > 0.999).all()
    assert (peak <= 1).all()
    assert (published >= 0).all()


def test_a_pair_of_sen12ms(real_data):
    dataset = SEN12MS(real_data / "sen12ms_sample")
    sample = dataset[0]
    assert sample["id"] == "ROIs1970_fall_139_p839"
    for key, part in dataset.parts.items():
        check(sample[key], part.bands)


@pytest.mark.parametrize("place", PLACES)
def test_places_of_terramesh(terramesh, place):
    for product in SENSOR:
        pixels, bands = terramesh(product, place)
        offset = product != "S1RTC" and pixels.min() > 900  # processing baseline 04.00
        check(pixels, bands, before=[OFFSET] if offset else [])
