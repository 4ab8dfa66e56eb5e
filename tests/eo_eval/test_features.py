import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import Subset

from eo_eval.features import Features, drop_unlabelled, extract_features, frozen


def images_of(dataset):
    return torch.stack([dataset[i]["image"] for i in range(len(dataset))])


def test_pixels_are_normalized_once_and_seen_in_order(tiny, pictures):
    model, dataset = tiny(), pictures(25)
    found = extract_features(model, dataset, batch_size=7)
    model.eval()
    torch.testing.assert_close(found.x, model(images_of(dataset).float() / 255))
    assert found.y.tolist() == [i % 3 for i in range(25)]
    assert found.ids == tuple(f"0-{i}" for i in range(25))
    assert found.classes == ("a", "b", "c")
    assert found.source.tolist() == [[i, 0] for i in range(25)]


def test_training_mode_and_running_statistics_are_left_alone(tiny, pictures):
    model = tiny()
    model.train()
    model.body.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    extract_features(model, pictures(6))
    assert model.training
    assert not model.body.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_mode_is_restored_after_an_error(tiny):
    model = tiny().train()
    with pytest.raises(ZeroDivisionError), frozen(model):
        _ = 1 / 0
    assert model.training
    assert torch.is_grad_enabled()


def test_features_can_be_trained_on(tiny, pictures):
    weight = torch.ones(6, requires_grad=True)
    (extract_features(tiny(), pictures(6)).x @ weight).sum().backward()
    assert weight.grad is not None


def test_worker_processes_give_the_same(tiny, pictures):
    one, other = (extract_features(tiny(), pictures(20), batch_size=4, num_workers=workers) for workers in (0, 2))
    torch.testing.assert_close(one.x, other.x)


def test_facts_say_how(tiny, pictures):
    facts = extract_features(tiny(), pictures(6), image_size=16, feature="patch_mean").facts
    assert facts["model"] == "tiny"
    assert facts["feature"] == "patch_mean"
    assert facts["normalization"] == [{"op": "affine", "scale": 1 / 255, "offset": 0}]
    assert facts["normalization_from"] == "model"
    assert facts["bands"] == ["R", "G", "B"]
    assert (facts["image_size"], facts["interpolation"]) == (16, "bilinear")


def test_images_are_resized_after_normalization(tiny, pictures):
    model, dataset = tiny().eval(), pictures(4)
    wanted = F.interpolate(images_of(dataset).float() / 255, size=(12, 12), mode="bilinear", antialias=True)
    torch.testing.assert_close(extract_features(model, dataset, image_size=12).x, model(wanted))


def test_steps_come_from_the_caller_then_the_model_then_the_data(tiny, pictures):
    silent = tiny()
    silent.normalization = None
    doubled = [{"op": "affine", "scale": 2 / 255, "offset": 0}]
    advised = pictures(4, normalization=doubled)
    assert extract_features(silent, advised).facts["normalization_from"] == "dataset"
    assert extract_features(tiny(), advised).facts["normalization_from"] == "model"
    found = extract_features(tiny(), pictures(4), normalization=doubled)
    assert found.facts["normalization_from"] == "argument"
    torch.testing.assert_close(found.x, extract_features(silent, advised).x)
    with pytest.raises(ValueError, match="neither tiny nor Samples says how its pixels are normalized: pass normali"):
        extract_features(silent, pictures(4))


def test_bands_are_matched_by_name(tiny, pictures):
    upright, turned = pictures(6), pictures(6, bands=("B", "G", "R"))
    with pytest.raises(ValueError, match="tiny takes R G B, the data has B G R; pass select_bands=True"):
        extract_features(tiny(), turned)
    found = extract_features(tiny(), turned, select_bands=True)
    torch.testing.assert_close(found.x, extract_features(tiny(), upright).x[:, [2, 1, 0, 5, 4, 3]])
    assert found.facts["data_bands"] == ["B", "G", "R"]


def test_a_false_number_of_channels_is_refused(tiny, pictures):
    with pytest.raises(ValueError, match="the images have 3 channels, their bands are said to be R G"):
        extract_features(tiny(("R", "G")), pictures(4, bands=("R", "G")))


@pytest.mark.parametrize("dtype", [torch.uint16, torch.int16, torch.float64])
def test_any_stored_dtype_and_any_data_set_of_dicts(tiny, samples, dtype):
    """As TorchGeo gives them: float images, no id, no bands, and things in the sample that do not collate."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 255, (5, 3, 8, 8), generator=generator)
    foreign = samples([{"image": x.to(dtype), "label": torch.tensor(1), "crs": object()} for x in pixels])
    found = extract_features(tiny(), foreign, bands=("R", "G", "B"))
    torch.testing.assert_close(found.x, tiny().eval()(pixels.float() / 255))
    assert found.ids == ("0", "1", "2", "3", "4")
    assert found.classes is None


def test_a_part_of_a_data_set(tiny, pictures):
    found = extract_features(tiny(), Subset(pictures(10), [7, 2]))
    assert found.ids == ("0-7", "0-2")
    assert found.source.tolist() == [[0, 0], [1, 0]]


@pytest.fixture
def seasons(samples):
    generator = torch.Generator().manual_seed(0)
    made = [
        {
            "image": torch.randint(0, 255, (3, 3, 8, 8), generator=generator).to(torch.uint8),
            "label": torch.tensor([[1.0, 0], [0, 0], [1, 1]]),
            "labelled": torch.tensor([True, i == 0, True]),
            "id": f"place{i}",
        }
        for i in range(4)
    ]
    return samples(made, bands=("R", "G", "B"))


def test_every_season_is_a_row(tiny, seasons):
    found = extract_features(tiny(), seasons, batch_size=2)
    torch.testing.assert_close(found.x, tiny().eval()(images_of(seasons).flatten(0, 1).float() / 255))
    assert found.ids[:4] == ("place0#0", "place0#1", "place0#2", "place1#0")
    assert found.groups[:4] == ("place0", "place0", "place0", "place1")
    assert found.source[5].tolist() == [1, 2]
    assert found.y[:3].tolist() == [[1, 0], [0, 0], [1, 1]]
    assert found.y[4].isnan().all()
    assert found.labelled.sum() == 9


def test_unlabelled_seasons_are_left_out_when_asked_and_counted(tiny, seasons):
    found = extract_features(tiny(), seasons, unlabelled="drop")
    assert len(found) == 9
    assert found.facts["unlabelled_left_out"] == 3
    assert "place1#1" not in found.ids
    assert drop_unlabelled(found) is found


def test_the_first_season_alone(tiny, seasons):
    found = extract_features(tiny(), seasons, seasons="first")
    assert found.ids == ("place0#0", "place1#0", "place2#0", "place3#0")
    assert found.y.tolist() == [[1, 0]] * 4


def test_one_label_for_all_seasons_and_a_class_for_each(tiny, samples):
    image = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    facts = {"bands": ("R", "G", "B")}
    once = samples([{"image": image, "label": torch.tensor(k)} for k in (3, 1)], **facts)
    assert extract_features(tiny(), once).y.tolist() == [3, 3, 1, 1]
    each = samples([{"image": image, "label": torch.tensor([k, 0])} for k in (3, 1)], **facts)
    assert extract_features(tiny(), each).y.tolist() == [3, 0, 1, 0]
    known = samples([{"image": image, "label": torch.tensor(2), "labelled": torch.tensor(False)}], **facts)
    assert extract_features(tiny(), known).y.tolist() == [-1, -1]
    multi_hot = samples([{"image": image[0], "label": torch.tensor([0, 1, 1])}], **facts)
    assert extract_features(tiny(), multi_hot).y.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ([{"mask": 0}], "sample 0 has no 'image', only mask"),
        (
            [{"image": torch.zeros(3, 8, 8)}, {"image": torch.zeros(3, 9, 8)}],
            r"0 has \(3, 8, 8\), 1 has \(3, 9, 8\); c",
        ),
        ([{"image": torch.zeros(3, 8, 8), "label": torch.tensor(0.5)}], "label must be a class"),
        ([{"image": torch.zeros(3, 8, 8), "label": torch.zeros(2, 2)}], "label must be a class"),
        ([{"image": torch.full((3, 8, 8), torch.nan), "id": "x"}], "1 of 1 features are not finite, first: x; look at"),
        ([], "Samples is empty"),
    ],
)
def test_broken_samples_are_refused(tiny, samples, broken, message):
    with pytest.raises(ValueError, match=message):
        extract_features(tiny(), samples(broken, bands=("R", "G", "B")))


def test_rows_can_be_chosen():
    made = Features(x=torch.arange(4.0)[:, None], y=torch.tensor([0, 1, 0, 1]), ids=tuple("abcd"))
    assert made[torch.tensor([True, False, False, True])].ids == ("a", "d")
    assert made[[2, 2, 0]].x.flatten().tolist() == [2, 2, 0]
    assert made[np.array([1])].y.tolist() == [1]


def test_split_id_is_of_the_set_of_samples():
    one = Features(x=torch.zeros(3, 1), ids=("a#0", "a#1", "b#0"), groups=("a", "a", "b"))
    other = Features(x=torch.zeros(2, 1), ids=("b", "a"))
    assert one.split_id == other.split_id
    assert len(one.split_id) == 12
    assert one[[0]].split_id != one.split_id


def test_uneven_parts_are_refused():
    with pytest.raises(ValueError, match=r"one entry per row, got \{'x': 2, 'ids': 2, 'groups': 2, 'y': 3\}"):
        Features(x=torch.zeros(2, 1), y=torch.zeros(3))
    with pytest.raises(ValueError, match=r"x must be \(N, D\), got \(2,\)"):
        Features(x=torch.zeros(2))
