import inspect
import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from eo_data.collect import UnreachableError, UnsuitableError, collect
from eo_data.collect.places import Point
from eo_data.collect.seasons import Window
from eo_data.collect.square import Square

ee = pytest.importorskip("ee")

POINT = Point(10.297, 45.128, 0)
WINDOW = Window(date(2021, 6, 7), date(2021, 6, 22))
SQUARE = Square(32632, 600_720, 4_999_320)


def grid_of(size):
    corner = {"translateX": 600_000, "translateY": 5_000_040, "shearX": 0, "shearY": 0}
    dimensions = {"width": 109_800 // size, "height": 109_800 // size}
    return {
        "crsCode": "EPSG:32632",
        "dimensions": dimensions,
        "affineTransform": {**corner, "scaleX": size, "scaleY": -size},
    }


def listed(collection, number, bands):
    """An image as Earth Engine lists it: one of two a month."""
    taken = datetime(2020 + number // 24, number // 2 % 12 + 1, 5 + 15 * (number % 2), 10, tzinfo=UTC)
    index = f"{taken:%Y%m%dT%H%M%S}_{taken:%Y%m%dT%H%M%S}_T32TPR"
    grids = [{"id": band, "grid": grid_of(size)} for band, size in bands.items()]
    return {
        "name": f"projects/earthengine-public/assets/{collection}/{index}",
        "id": f"{collection}/{index}",
        "startTime": f"{taken:%Y-%m-%dT%H:%M:%S}.123Z",
        "properties": {
            "CLOUDY_PIXEL_PERCENTAGE": 3.5,
            "PROCESSING_BASELINE": "02.12",
            "MGRS_TILE": "32TPR",
            "GENERATION_TIME": 1_600_000_000_000,
        },
        "bands": grids,
    }


@pytest.fixture
def asked(monkeypatch):
    """What Earth Engine was asked; it answers with two images a month and dark ground."""
    requests = []
    l1c = {f"B{n}": 60 if n in (1, 9, 10) else 10 if n in (2, 3, 4, 8) else 20 for n in range(1, 13)} | {"B8A": 20}
    bands = {"S2_SR_HARMONIZED": {**l1c, "SCL": 20}, "S2_HARMONIZED": l1c, "S1_GRD": {"VV": 10, "VH": 10, "angle": 10}}
    bands["S2_SR_HARMONIZED"].pop("B10")

    def list_images(request):
        requests.append(request)
        collection = request["parent"].removeprefix("projects/earthengine-public/assets/")
        images = [listed(collection, number, bands[collection.partition("/")[2]]) for number in range(48)]
        return {
            "images": [image for image in images if request["startTime"] <= image["startTime"] < request["endTime"]]
        }

    def get_pixels(request):
        requests.append(request)
        (band,), size = request["bandIds"], request["grid"]["dimensions"]
        dtype = np.uint8 if band == "SCL" else np.float32 if band[0] == "V" else np.uint16
        pixels = np.full((size["height"], size["width"]), -12.5 if band[0] == "V" else 4 if band == "SCL" else 300)
        return np.array(pixels.astype(dtype), dtype=[(band, dtype)])

    monkeypatch.setattr(ee, "Initialize", lambda **given: requests.append(given))
    monkeypatch.setattr(ee.data, "listImages", list_images)
    monkeypatch.setattr(ee.data, "getPixels", get_pixels)
    return requests


@pytest.fixture
def source(asked):
    from eo_data.collect.earth_engine import EarthEngineSource

    return EarthEngineSource(project="mine")


def test_the_project_is_named(source, asked):
    assert asked == [{"project": "mine"}]
    assert source.products == ("s2a", "s2c", "s1")


def test_the_library_takes_one_request_each():
    for function in (ee.data.listImages, ee.data.getPixels):
        assert len(inspect.signature(function).parameters) == 1


def test_a_search_is_one_listing_of_the_place_and_window(source, asked):
    items = source.search("s2a", POINT, WINDOW)
    assert asked[1] == {
        "parent": "projects/earthengine-public/assets/COPERNICUS/S2_SR_HARMONIZED",
        "startTime": "2021-06-07T00:00:00Z",
        "endTime": "2021-06-22T00:00:00Z",
        "region": json.dumps({"type": "Point", "coordinates": [10.297, 45.128]}),
    }
    (item,) = items
    assert item.folder == "20210620T100000_20210620T100000_T32TPR"
    assert (item.epsg, item.tile, item.cloud, item.baseline, item.offset_removed) == (
        32632,
        "32TPR",
        3.5,
        "02.12",
        False,
    )
    assert item.generated == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert item.bounds == (600_000, 4_890_240, 709_800, 5_000_040)
    assert set(item.assets) >= {"B01", "B8A", "B12", "SCL"}


def test_radar_is_asked_for_with_both_polarizations(source, asked):
    source.search("s1", POINT, WINDOW)
    assert asked[1]["parent"].endswith("COPERNICUS/S1_GRD")
    assert 'instrumentMode = "IW"' in asked[1]["filter"]
    assert '"VH"' in asked[1]["filter"]


@pytest.mark.parametrize(("band", "name", "resolution"), [("B02", "B2", 10), ("B11", "B11", 20), ("B01", "B1", 60)])
def test_pixels_are_asked_for_on_the_grid_of_the_square(source, asked, band, name, resolution):
    (item,) = source.search("s2a", POINT, WINDOW)
    pixels = source.read(item, band, SQUARE)
    assert pixels.shape == (2640 // resolution,) * 2
    corner = {"scaleX": resolution, "translateX": 600_720, "scaleY": -resolution, "translateY": 4_999_320}
    assert asked[-1] == {
        "assetId": item.id,
        "fileFormat": "NUMPY_NDARRAY",
        "bandIds": [name],
        "grid": {
            "dimensions": {"width": 2640 // resolution, "height": 2640 // resolution},
            "affineTransform": {**corner, "shearX": 0, "shearY": 0},
            "crsCode": "EPSG:32632",
        },
    }


def test_an_overview_is_the_whole_tile_at_300_m(source, asked):
    (item,) = source.search("s2a", POINT, WINDOW)
    assert source.overview(item, "B04").shape == (366, 366)
    assert asked[-1]["grid"]["affineTransform"]["translateX"] == 600_000


def test_masked_radar_is_no_data_and_a_band_that_is_not_there_is_said(source, monkeypatch):
    item = source.search("s1", POINT, WINDOW)[0]
    empty = np.zeros((264, 264), dtype=[("VV", np.float32)])
    monkeypatch.setattr(ee.data, "getPixels", lambda request: empty)
    with pytest.raises(UnsuitableError, match="VV has pixels without data in the square"):
        source.read(item, "VV", SQUARE)
    with pytest.raises(UnsuitableError, match="the image has no HH"):
        source.read(item, "HH", SQUARE)


def test_a_failing_service_leaves_the_place_open(source, monkeypatch):
    def fail(request):
        raise ee.EEException("Too Many Requests")

    monkeypatch.setattr(ee.data, "listImages", fail)
    with pytest.raises(UnreachableError, match="Earth Engine: Too Many Requests"):
        source.search("s2a", POINT, WINDOW)


def test_without_an_account_the_error_tells_how_to_get_in(monkeypatch):
    from eo_data.collect.earth_engine import EarthEngineSource

    def refuse(**given):
        raise ee.EEException("Please authorize access")

    monkeypatch.setattr(ee, "Initialize", refuse)
    with pytest.raises(ConnectionError, match="Please authorize access; run `earthengine authenticate` once and name"):
        EarthEngineSource()


def test_all_three_products_of_a_place_are_collected(asked, config, places_file):
    done = collect(
        config(source="earth-engine", layout="ssl4eo_s12", products=("s1", "s2a", "s2c"), count=1, project="mine")
    )
    assert (done.taken, done.dropped) == (1, 0)
    for product, files in {"s1": 2, "s2a": 12, "s2c": 13}.items():
        seasons = list((done.output / product / "0000000").iterdir())
        assert len(seasons) == 4
        assert {len(list(season.iterdir())) for season in seasons} == {files}
