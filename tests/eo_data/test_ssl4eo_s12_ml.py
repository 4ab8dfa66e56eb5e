import json
import pickle
import shutil

import pytest
import torch

from eo_data import SSL4EOS12ML
from eo_data.ssl4eo_s12 import season_folders


@pytest.mark.parametrize("product", ["s2c", "s2a", "s1", ("s1", "s2c"), ("s1", "s2a")])
def test_each_season_has_its_labels(ssl4eo, ssl4eo_labels, product):
    dataset = SSL4EOS12ML(ssl4eo, product=product)
    assert dataset.labels == ssl4eo_labels
    assert len(dataset.classes) == 9
    sample = dataset[1]
    expected = torch.zeros(4, 9)
    for season in range(3):
        expected[season, [season, 8]] = 1
    assert sample["label"].dtype == torch.float32
    assert torch.equal(sample["label"], expected)
    assert sample["labelled"].tolist() == [True, True, True, False]
    assert sample["id"] == "0000002"


def test_classes_are_dynamic_worlds():
    assert SSL4EOS12ML.CLASSES[0] == "water"
    assert SSL4EOS12ML.CLASSES[6] == "built"
    assert SSL4EOS12ML.CLASSES[8] == "snow and ice"


def test_what_the_file_does_not_know_is_not_labelled_and_counted(ssl4eo, ssl4eo_labels):
    dataset = SSL4EOS12ML(ssl4eo)
    assert dataset.unknown_seasons == 4
    sample = dataset[2]
    assert not sample["labelled"].any()
    assert not sample["label"].any()


def test_fewer_seasons(ssl4eo, ssl4eo_labels):
    for product in ("s2c", "s1"):
        sample = SSL4EOS12ML(ssl4eo, product=product, seasons=2)[0]
        assert sample["label"].shape == (2, 9)
        assert sample["label"].argmax(dim=1).tolist() == [0, 1]


def test_l1c_seasons_are_joined_by_name_even_where_one_is_missing(ssl4eo, ssl4eo_labels):
    for location in (ssl4eo / "s2c").iterdir():
        shutil.rmtree(season_folders(location)[0])
    sample = SSL4EOS12ML(ssl4eo, seasons=3)[0]
    assert sample["label"][:, :3].argmax(dim=1)[:2].tolist() == [1, 2]
    assert sample["labelled"].tolist() == [True, True, False]


def test_other_products_are_joined_by_place_only_where_the_counts_agree(ssl4eo, ssl4eo_labels):
    shutil.rmtree(season_folders(ssl4eo / "s1" / "0000000")[0])
    dataset = SSL4EOS12ML(ssl4eo, product="s1", seasons=3)
    assert dataset[0]["labelled"].tolist() == [False] * 3
    assert dataset[1]["labelled"].tolist() == [True] * 3
    assert dataset.unknown_seasons == 6


def test_ids_are_numbers_whatever_their_width(ssl4eo, ssl4eo_labels):
    content = json.loads(ssl4eo_labels.read_text())
    ssl4eo_labels.write_text(json.dumps({location[-3:]: seasons for location, seasons in content.items()}))
    assert SSL4EOS12ML(ssl4eo)[1]["labelled"].sum() == 3


@pytest.mark.parametrize("place", ["beside", "elsewhere"])
def test_where_the_file_may_lie(ssl4eo, ssl4eo_labels, tmp_path, place):
    target = ssl4eo.parent / "mine.json" if place == "beside" else tmp_path / "a" / "mine.json"
    target.parent.mkdir(exist_ok=True)
    ssl4eo_labels.rename(target)
    dataset = SSL4EOS12ML(ssl4eo, labels="mine.json" if place == "beside" else target)
    assert dataset.labels == target


def test_a_missing_file_says_where_it_was_looked_for(ssl4eo):
    with pytest.raises(
        FileNotFoundError, match=r"no label file at .*ssl4eo/ssl4eo_multilabel.json, .* pass labels=PATH"
    ):
        SSL4EOS12ML(ssl4eo)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"0000000": {"a": ["9"]}}', "class numbers run from 0 to 8, got"),
        ('{"0000000": {"a": ["water"]}}', "is not a label file of the form"),
        ('{"0000000": [1, 2]}', "is not a label file of the form"),
        ("[]", "is not a label file of the form"),
        ('{"0000000": {', "is not a label file of the form"),
        (
            '{"7777777": {"a": ["1"]}}',
            r"knows none of the 12 seasons .* locations such as 7777777, the folders are 0000000",
        ),
    ],
)
def test_a_file_of_another_form_is_named(ssl4eo, content, message):
    path = ssl4eo / "ssl4eo_multilabel.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"ssl4eo_multilabel.json .*{message}"):
        SSL4EOS12ML(ssl4eo)


def test_it_pickles(ssl4eo, ssl4eo_labels):
    dataset = SSL4EOS12ML(ssl4eo)
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[0]["label"], dataset[0]["label"])
