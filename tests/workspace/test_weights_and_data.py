"""What eo-models and eo-data must agree on without knowing each other."""

import torch

from eo_data import SENSORS, Normalize, canonical_band, normalization_for
from eo_models import get_weights, list_weights
from eo_models.bands import WAVELENGTHS


def test_the_sensors_have_the_same_bands_at_the_same_wavelengths():
    for name, bands in WAVELENGTHS.items():  # eo-data knows sensors that no weights are for
        theirs = (*SENSORS[name].bands, *SENSORS[name].rendered)
        assert bands == {band.name: band.wavelength_um for band in theirs}


def test_every_normalization_runs_on_its_bands():
    for weights in list_weights():
        one = isinstance(weights.bands, tuple)
        for part in (None,) if one else weights.bands:
            bands, steps = (each if one else each[part] for each in (weights.bands, weights.normalization))
            pixels = torch.randint(0, 4000, (2, len(bands), 8, 8), generator=torch.Generator().manual_seed(0))
            found = Normalize(steps, bands)(pixels)
            assert found.shape == pixels.shape
            assert found.isfinite().all()


def test_softcon_s_steps_are_the_named_ones_of_eo_data():
    assert list(get_weights("resnet50.softcon_s2").normalization) == normalization_for("softcon_s2")
    assert list(get_weights("resnet50.softcon_s1").normalization) == normalization_for("softcon_s1")


def test_a_grey_pixel_of_seco_s_data_set_becomes_what_its_loader_makes_of_it():
    """60, 50, 40 of 255 in the files, half way up each band's range."""
    weights = get_weights("resnet18.seco_1m")
    stored = torch.tensor([60.0, 50.0, 40.0]).view(1, 3, 1, 1)
    found = Normalize(weights.normalization[3:], weights.bands)(stored).flatten()
    torch.testing.assert_close(found, torch.tensor([-0.10, 0.08, 0.13]), atol=0.005, rtol=0)
    digital = (
        torch.tensor([60.0, 50.0, 40.0]).mul(10000 / 255).ceil().view(1, 3, 1, 1)
    )  # reflectance in the files' steps
    torch.testing.assert_close(Normalize(weights.normalization, weights.bands)(digital).flatten(), found)


def test_bands_are_named_as_eo_data_names_them():
    for weights in list_weights():
        per_sensor = (
            [(weights.sensor, weights.bands)]
            if isinstance(weights.bands, tuple)
            else [(weights.sensor[part], weights.bands[part]) for part in weights.bands]
        )
        for sensor, bands in per_sensor:
            assert all(canonical_band(band, sensor) == band for band in bands)
