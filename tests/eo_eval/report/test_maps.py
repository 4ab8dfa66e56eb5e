import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from eo_data import DFC2020
from eo_eval import write_report
from eo_eval.report.maps import NONE, PALETTE, RIGHT, WRONG, maps_view
from eo_eval.rows import map_rows
from eo_eval.segmentation import measure_maps, segment
from eo_eval.store import Maps, save_maps


def pixels(picture):
    data = base64.b64decode(picture["data"].removeprefix("data:image/png;base64,"))
    return np.array(Image.open(io.BytesIO(data)))


def colour(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.fixture
def held():
    truth = torch.zeros(1, 128, 128, dtype=torch.uint8)
    truth[:, :32], truth[:, 32:64] = 1, 255
    predicted = torch.zeros_like(truth)
    predicted[..., 64:] = 1
    counts = torch.tensor([[90, 10, 0], [0, 100, 0], [0, 0, 0]])
    return Maps(dataset="d", split="test", method="finetune", counts=counts, images=5, classes=("a", "b", "c"),
                shown=("x",), pictures=torch.zeros(1, 3, 128, 128, dtype=torch.uint8), truth=truth,
                predicted=predicted)  # fmt: skip


def test_image_truth_drawn_and_errors_side_by_side(held):
    (strip,) = maps_view(held)["strips"]
    image, truth, drawn, errors = (pixels(picture) for picture in strip["pictures"])
    assert [picture["what"] for picture in strip["pictures"]] == ["image", "truth", "drawn", "errors"]
    assert not image.any()
    assert truth[0, 0].tolist() == colour(PALETTE[1])
    assert truth[40, 0].tolist() == errors[40, 0].tolist() == colour(NONE)
    assert drawn[100, 100].tolist() == colour(PALETTE[1])
    assert errors[0, 0].tolist() == errors[100, 100].tolist() == colour(WRONG)
    assert errors[100, 0].tolist() == errors[0, 100].tolist() == colour(RIGHT)
    assert strip["right"] == "x: 50 % right"


def test_bars_and_legend(held):
    view = maps_view(held)
    assert [bar["name"] for bar in view["bars"]] == ["a", "b", "c"]
    assert view["bars"][0]["value"] == pytest.approx(0.9)
    assert view["bars"][0]["share"] == pytest.approx(0.5)
    assert np.isnan(view["bars"][2]["value"])
    assert [entry["name"] for entry in view["legend"]] == ["a", "b", "c", "no class", "right", "wrong"]


def test_a_map_without_any_class_says_so(held):
    held.truth.fill_(255)
    assert maps_view(held)["strips"][0]["right"] == "x: no class anywhere"


def test_the_page_shows_the_maps(tiny_pair, painter, dfc2020, tmp_path):
    maps = DFC2020(dfc2020, "test", target="mask", bands={"s1": ["VV", "VH"], "s2": ["B04", "B08"]})
    found = segment(painter(tiny_pair(), maps, wrong=0.2), maps, shown=2)
    given = {"dataset": "dfc2020_segmentation", "split": "test", "method": "finetune", "weights": "run", "name": "me"}
    save_maps(found, map_rows(found, measure_maps(found, bootstrap=10), given=given), tmp_path / "run")
    page = write_report(tmp_path / "run").read_text()
    assert page.count("data:image/png") == 8
    assert "<h2>Maps</h2>" in page
    assert "Urban/Built-up" in page
    assert "mIoU, fine-tuned on dfc2020_segmentation test" in page
