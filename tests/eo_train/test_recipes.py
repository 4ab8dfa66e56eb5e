import pytest

from eo_train.recipes import find_recipe, list_recipes, load_recipe


def test_each_begins_with_a_sentence():
    assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in list_recipes().values())


def test_changes_reach_nested_fields():
    content = load_recipe("simclr_eurosat", {"data.root": "here", "optim.lr": 0.5, "epochs": 3})
    assert content["data"]["root"] == "here"
    assert content["data"]["name"] == "eurosat"
    assert (content["optim"]["lr"], content["epochs"]) == (0.5, 3)


def test_one_s_own_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("# Mine.\nepochs: 3\n")
    assert load_recipe(str(tmp_path / "mine.yaml")) == {"epochs": 3, "recipe": "mine"}


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(ValueError, match="unknown recipe 'simclr_eurosta'; nearest known: simclr_eurosat"):
        find_recipe("simclr_eurosta")
    with pytest.raises(FileNotFoundError, match=r"no recipe file at no/such.yaml"):
        find_recipe("no/such.yaml")
