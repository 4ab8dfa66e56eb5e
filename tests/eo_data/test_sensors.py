import dataclasses

import pytest

from eo_data import SENSORS, canonical_band
from eo_data.sensors import canonical_bands, get_sensor, units_of

NAMED = [(sensor.name, band.name) for sensor in SENSORS.values() for band in (*sensor.bands, *sensor.rendered)]


def test_bands_in_canonical_order():
    l1c = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
    assert SENSORS["sentinel2-l1c"].band_names == l1c
    assert SENSORS["sentinel2-l2a"].band_names == tuple(band for band in l1c if band != "B10")
    assert SENSORS["sentinel1-grd"].band_names == ("VV", "VH")
    assert SENSORS["landsat8"].band_names == tuple(f"B{number}" for number in range(1, 12))
    assert SENSORS["aerial"].band_names == SENSORS["rgb"].band_names == ("R", "G", "B")


def test_sentinel2_resolutions():
    by_resolution = {10: "B02 B03 B04 B08", 20: "B05 B06 B07 B8A B11 B12", 60: "B01 B09 B10"}
    for resolution, names in by_resolution.items():
        assert [band.name for band in SENSORS["sentinel2-l1c"].bands if band.resolution == resolution] == names.split()


def test_true_colour_is_known_by_name_and_never_meant_by_all():
    assert canonical_band("tci_r", "sentinel2-l2a") == "TCI_R"
    assert units_of(("TCI_G", "B05"), "sentinel2-l1c") == ("uint8", "dn")
    assert not [band for band in canonical_bands(None, "sentinel2-l1c") if band.startswith("TCI")]


def test_units():
    assert units_of(("B02", "B8A"), "sentinel2-l2a") == ("dn", "dn")
    assert units_of(("VH",), "sentinel1-grd") == ("db",)
    assert units_of(("R", "G", "B"), "rgb") == ("uint8",) * 3


def test_radar_has_no_wavelength_and_optical_bands_have():
    for sensor in SENSORS.values():
        assert all((band.wavelength_um is None) == (sensor.name == "sentinel1-grd") for band in sensor.bands)


def test_facts_are_frozen():
    with pytest.raises(TypeError):
        SENSORS["mine"] = SENSORS["rgb"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        SENSORS["rgb"].bands[0].unit = "dn"


@pytest.mark.parametrize(("sensor", "band"), NAMED)
def test_a_canonical_name_stays_in_any_case(sensor, band):
    assert canonical_band(band, sensor) == canonical_band(band.lower(), sensor) == band
    assert SENSORS[sensor].band(band).name == band


@pytest.mark.parametrize(
    ("sensor", "canonical", "spellings"),
    [
        ("sentinel2-l1c", "B01", "B1|B01|01|1|01 - Coastal aerosol|coastal_aerosol|COASTAL_AEROSOL|coastal"),
        ("sentinel2-l1c", "B8A", "B8A|B8a|B08A|8A|08A|08a|nir08|red_edge_4|08A - Vegetation Red Edge|NIR_NARROW"),
        ("sentinel2-l1c", "B08", "B8|08|nir|NIR_BROAD|08 - NIR"),
        ("sentinel2-l1c", "B09", "B9|09|nir09|WATER_VAPOR|09 - Water vapour"),
        ("sentinel2-l1c", "B10", "B10|10|cirrus|10 - SWIR - Cirrus"),
        ("sentinel2-l2a", "B05", "B5|rededge1|RED_EDGE_1|rededge071"),
        ("sentinel2-l2a", "B12", "12|swir22|SWIR_2"),
        ("sentinel1-grd", "VV", "vv|VV"),
        ("landsat8", "B5", "B05|SR_B5|sr_b5|nir08|5"),
        ("landsat8", "B10", "B10|lwir11"),
        ("rgb", "R", "r|red|Red"),
    ],
)
def test_spellings_in_the_wild(sensor, canonical, spellings):
    for spelling in spellings.split("|"):
        assert canonical_band(spelling, sensor) == canonical, spelling


@pytest.mark.parametrize(
    ("band", "sensor", "near"),
    [
        ("B13", "sentinel2-l1c", "unknown band 'B13' of sentinel2-l1c; nearest known: B1"),
        ("B10", "sentinel2-l2a", "unknown band 'B10' of sentinel2-l2a"),
        ("infrared", "rgb", "unknown band 'infrared' of rgb; known: R, G, B"),
        ("HH", "sentinel1-grd", r"\(it has VV, VH\)"),
        ("", "rgb", "unknown band ''"),
    ],
)
def test_an_unknown_band_is_answered_with_those_there_are(band, sensor, near):
    with pytest.raises(ValueError, match=near):
        canonical_band(band, sensor)


def test_an_unknown_sensor_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="unknown sensor 'sentinel2l1c'; nearest known: sentinel2-l1c"):
        canonical_band("B1", "sentinel2l1c")
    with pytest.raises(ValueError, match="unknown sensor 'spot'; known: sentinel2-l1c, "):
        get_sensor("spot")


def test_several_bands_keep_the_order_asked_for():
    assert canonical_bands(["nir", "B4"], "sentinel2-l2a") == ("B08", "B04")
    assert canonical_bands(None, "sentinel1-grd") == ("VV", "VH")


@pytest.mark.parametrize("bands", [[], ["B4", "red"]])
def test_no_band_and_the_same_band_twice_are_refused(bands):
    with pytest.raises(ValueError, match="at least one band and none twice"):
        canonical_bands(bands, "sentinel2-l1c")
