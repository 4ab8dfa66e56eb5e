import pytest
import torch

from eo_eval.gallery import Gallery
from eo_eval.report.pictures import gallery_view


@pytest.fixture
def gallery():
    return Gallery(
        method="PCA",
        xy=torch.tensor([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0]]),
        ids=("p", "q", "r"),
        y=torch.tensor([0, 0, 1]),
        query_ids=("r",),
        query_y=torch.tensor([1]),
        neighbour_ids=(("s", "t"),),
        neighbour_y=torch.tensor([[1, 0]]),
        similarity=torch.tensor([[0.9, 0.8]]),
        sheet=b"jpeg",
        columns=4,
    )


def test_every_picture_is_cut_from_its_place_in_the_sheet(gallery):
    view = gallery_view(gallery, ("SeaLake", "Forest"), ("made", "val"))
    assert view["lines"] == 2  # three places, one query, two neighbours
    assert [point["cell"] for point in view["points"]] == ["0.000% 0.000%", "33.333% 0.000%", "66.667% 0.000%"]
    (strip,) = view["strips"]
    assert strip["cell"] == "100.000% 0.000%"
    assert [near["cell"] for near in strip["neighbours"]] == ["0.000% 100.000%", "33.333% 100.000%"]
    assert [near["agreement"] for near in strip["neighbours"]] == [1, 0]
    assert [near["name"] for near in strip["neighbours"]] == ["Forest", "Sea lake"]
    assert view["sheet"] == "data:image/jpeg;base64,anBlZw=="


def test_names_stand_where_their_class_is(gallery):
    legend = gallery_view(gallery, ("SeaLake", "Forest"), ("made", "val"))["legend"]
    assert [(entry["name"], entry["count"]) for entry in legend] == [("Sea lake", 2), ("Forest", 1)]
    assert (legend[1]["x"], legend[1]["y"]) == (100, 100)
    assert legend[0]["x"] in (0, pytest.approx(10))


def test_multi_hot_labels_are_compared_by_what_they_share(gallery):
    from dataclasses import replace

    many = replace(
        gallery,
        y=torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 0, 0]]),
        query_y=torch.tensor([[1.0, 1, 0]]),
        neighbour_y=torch.tensor([[[1.0, 1, 1], [0, 0, 1]]]),
    )
    view = gallery_view(many, ("a", "b", "c"), ("made", "val"))
    assert [point["kind"] for point in view["points"]] == [1, 0, -1]  # the rarest of each
    assert view["points"][2]["text"] == "no class (r)"
    assert [near["agreement"] for near in view["strips"][0]["neighbours"]] == [pytest.approx(2 / 3), 0]
    assert view["strips"][0]["name"] == "a, b"
