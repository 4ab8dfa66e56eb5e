import pytest

from eo_data import SENSORS, canonical_band
from eo_data.collect import PROFILES
from eo_data.collect.image import SENSOR_OF


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_profile_names_every_band_once(profile):
    for product, collection in profile.products.items():
        sensor = SENSOR_OF[product]
        bands = [band for band in collection.assets if band != "SCL"]
        assert tuple(bands) == SENSORS[sensor].band_names
        assert [canonical_band(collection.assets[band], sensor) for band in bands] == bands
        assert ("SCL" in collection.assets) is (product == "s2a")
        assert len(set(collection.assets.values())) == len(collection.assets)


def test_profiles_cannot_be_changed():
    with pytest.raises(AttributeError):
        PROFILES["earth-search"].url = "elsewhere"
    with pytest.raises(TypeError):
        PROFILES["earth-search"].products["s2a"].assets["B01"] = "red"
