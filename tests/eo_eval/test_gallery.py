import pytest
import torch
import torch.nn.functional as F

from eo_eval.features import extract_features
from eo_eval.gallery import make_gallery, project


def test_map_and_neighbours(tiny, pictures, monkeypatch):
    train_set, test_set = pictures(40), pictures(30, seed=1)
    train, test = (extract_features(tiny(), dataset) for dataset in (train_set, test_set))
    made = make_gallery(train, test, train_set, test_set, bands=("R", "G", "B"))
    assert made.method == "t-SNE"
    assert made.xy.shape == (30, 2)
    assert made.xy.min() == 0
    assert made.xy.max() == 1
    assert made.query_y.tolist() == [0, 1, 2]  # one of each class
    cosine = F.normalize(test.x, dim=1) @ F.normalize(train.x, dim=1).T
    first = test.ids.index(made.query_ids[0])
    assert made.neighbour_ids[0][0] == train.ids[int(cosine[first].argmax())]
    torch.testing.assert_close(made.similarity[0], cosine[first].topk(6).values, atol=1e-5, rtol=0)
    assert made.neighbour_y.shape == (3, 6)


def test_the_choice_depends_on_the_seed_alone(tiny, pictures):
    dataset = pictures(24)
    features = extract_features(tiny(), dataset)
    one, other = (make_gallery(features, features, dataset, dataset, bands=("R", "G", "B"), seed=3) for _ in range(2))
    assert one.query_ids == other.query_ids
    assert one.sheet == other.sheet
    torch.testing.assert_close(one.xy, other.xy)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_rows_are_placed_by_principal_components(count):
    xy, method = project(torch.randn(count, 4, generator=torch.Generator().manual_seed(0)))
    assert method == "PCA"
    assert xy.shape == (count, 2)
    assert xy.isfinite().all()


def test_groups_that_are_apart_stay_apart():
    x = torch.cat(
        [torch.eye(3)[k] + 0.01 * torch.randn(20, 3, generator=torch.Generator().manual_seed(k)) for k in range(3)]
    )
    xy, _ = project(x)
    centres = xy.view(3, 20, 2).mean(1)
    spread = (xy.view(3, 20, 2) - centres[:, None]).norm(dim=2).max()
    assert torch.pdist(centres).min() > spread
