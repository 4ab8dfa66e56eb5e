import math

import pytest
import torch

from eo_data import DFC2020
from eo_data.dataset import part_of
from eo_eval.confusion import OF_MAPS, confusion, mean_iou
from eo_eval.rows import COLUMNS, map_rows, read_rows
from eo_eval.segmentation import measure_maps, segment
from eo_eval.store import read_maps, save_maps

BANDS = {"s1": ["VV", "VH"], "s2": ["B04", "B08"]}
GIVEN = {"dataset": "dfc2020_segmentation", "split": "test", "method": "segment", "seed": 0, "weights": "run"}


@pytest.fixture(scope="module")
def maps(dfc2020):
    return DFC2020(dfc2020, "test", target="mask", bands=BANDS)


def test_what_is_drawn_is_counted_over_the_whole_set(tiny_pair, painter, maps):
    found = segment(painter(tiny_pair(), maps, wrong=0.3), maps, batch_size=5)
    again = painter(tiny_pair(), maps, wrong=0.3)
    whole = sum(
        confusion(again({"s1": torch.zeros(n)}).argmax(1), torch.stack(again.maps[start : start + n]), 8)
        for start, n in ((0, 5), (5, 5), (10, 5), (15, 1))
    )
    assert torch.equal(found.counts.sum(0), whole)
    assert len(found.counts) == len(found.ids) == 16
    assert found.facts["bands"] == BANDS
    measured = measure_maps(found, bootstrap=50)
    assert list(measured) == list(OF_MAPS)
    assert measured["mIoU"].value == pytest.approx(mean_iou(whole))
    assert 0 < measured["accuracy"].low < measured["accuracy"].value < measured["accuracy"].high < 1


def test_a_perfect_map_has_perfect_scores(tiny_pair, painter, maps):
    measured = measure_maps(segment(painter(tiny_pair(), maps), maps), bootstrap=5)
    assert {estimate.value for estimate in measured.values()} == {1.0}


def test_some_maps_are_kept_to_look_at(tiny_pair, painter, maps):
    found = segment(painter(tiny_pair(), maps), maps, shown=4)
    assert found.shown == tuple(maps.ids[i] for i in (0, 5, 10, 15))
    assert (found.pictures.shape, found.pictures.dtype) == ((4, 3, 128, 128), torch.uint8)
    assert torch.equal(found.truth, found.predicted)
    assert found.truth[1].unique().tolist() == maps[5]["mask"].unique().tolist()


def test_published_means_over_batches(tiny_pair, painter, maps):
    found = segment(painter(tiny_pair(), maps, wrong=0.3), maps)
    assert 0 < measure_maps(found, batch=64, bootstrap=5)["average_accuracy"].value < 1
    two = [torch.cat([found.counts] * 4), found.counts.clone()]
    two[1][:, 3] = 0  # the second batch lacks a class
    lacking = type(found)(**{**vars(found), "counts": torch.cat(two), "ids": found.ids * 5})
    assert math.isnan(measure_maps(lacking, batch=64, bootstrap=5)["average_accuracy"].value)
    rows = map_rows(lacking, measure_maps(lacking, batch=64, bootstrap=5), given=GIVEN)
    assert {row["metric_name"]: row["metric_value"] for row in rows}["average_accuracy"] is None


def test_pixels_without_class_are_not_scored(tiny_pair, painter, samples):
    sensors = {"s1": "sentinel1-grd", "s2": "sentinel2-l1c"}
    parts = {key: part_of(sensor, BANDS[key], "sen12ms") for key, sensor in sensors.items()}
    one = {"s1": torch.zeros(2, 2, 2), "s2": torch.zeros(2, 2, 2), "id": "a"}
    for mask, known in (([[0, 1], [255, 255]], 2), ([[255, 255], [255, 255]], 0)):
        dataset = samples([one | {"mask": torch.tensor(mask)}], parts=parts)
        found = segment(painter(tiny_pair(), dataset), dataset)
        assert int(found.counts.sum()) == known
    assert math.isnan(measure_maps(found, bootstrap=3)["mIoU"].value)


def test_samples_without_masks_and_masks_of_another_size_are_refused(tiny_pair, painter, dfc2020, maps):
    with pytest.raises(ValueError, match="sample 0 has no 'mask', only s1, s2, id, label"):
        segment(painter(tiny_pair(), maps), DFC2020(dfc2020, "test", bands=BANDS))
    small = painter(tiny_pair(), maps)
    small.maps = [mask[:12, :12] for mask in small.maps]
    with pytest.raises(ValueError, match=r"predicted and target must have one shape, got \(12, 12\), \(24, 24\)"):
        segment(small, maps)


def test_rows_and_maps_beside_a_run(tiny_pair, painter, maps, tmp_path):
    found = segment(painter(tiny_pair(), maps, wrong=0.2), maps, shown=3)
    rows = map_rows(found, measure_maps(found, bootstrap=5), given=GIVEN)
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["metric_name"], rows[0]["n_test"], rows[0]["sensor"]) == (
        "mIoU", 16, "s1: sentinel1-grd; s2: sentinel2-l1c",
    )  # fmt: skip
    written = save_maps(found, rows, tmp_path)
    assert read_rows(written[0]) == rows
    held = read_maps(written[1])
    assert (held.classes[0], held.images, held.shown) == ("Forest", 16, found.shown)
    assert torch.equal(held.counts, found.counts.sum(0))
    assert torch.equal(held.predicted, found.predicted)
