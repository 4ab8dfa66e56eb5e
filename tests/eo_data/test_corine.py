import pytest

from eo_data.corine import CLASSES19, CLASSES43, CORINE, classes_of, multi_hot


def test_names_fall_into_their_published_class(rule):
    case = rule("bigearthnet_labels_43_to_19")
    assert tuple(case["outputs"]["classes19"]) == CLASSES19
    assert tuple(case["input"]["labels"]) == CLASSES43
    assert {name: index for _, name, index in CORINE} == case["outputs"]["index19"]


def test_multi_hot_of_19(rule):
    case = rule("bigearthnet_multihot19")
    for names, indices in zip(case["input"]["label_lists"], case["outputs"]["set_indices"], strict=True):
        assert multi_hot(names, 19).nonzero().flatten().tolist() == indices


def test_every_class_is_its_own_name():
    for number in (19, 43):
        for index, name in enumerate(classes_of(number)):
            assert multi_hot([name], number).nonzero().flatten().tolist() == [index]
    assert multi_hot(["Transitional woodland, shrub"], 19)[13] == 1


def test_codes_and_names_are_distinct():
    assert len({code for code, _, _ in CORINE}) == len({name for _, name, _ in CORINE}) == 43
    assert sum(index is None for _, _, index in CORINE) == 11


def test_names_outside_the_nomenclature_are_refused():
    with pytest.raises(ValueError, match="unknown land cover 'Pasture'; nearest known: Pastures"):
        multi_hot(["Pasture"], 43)
    with pytest.raises(ValueError, match="unknown land cover 'Urban fabric'"):
        multi_hot(["Urban fabric"], 43)
    with pytest.raises(ValueError, match="num_classes must be 19 or 43, got 20"):
        classes_of(20)
