import pytest

from eo_data.names import choose, nearest


def test_nearest_offers_what_is_alike_whatever_its_case():
    assert nearest("SOFTCN_S2", ["softcon_s2", "softcon_s1", "zscore"]) == "nearest known: softcon_s2, softcon_s1"


def test_nearest_lists_everything_when_nothing_is_alike():
    assert nearest("xyz", ["train", "val"]) == "known: train, val"


def test_choose_gives_the_value_back():
    assert choose("split", "val", ("train", "val")) == "val"


def test_choose_refuses_what_is_not_allowed():
    with pytest.raises(ValueError, match="unknown split 'trian'; nearest known: train"):
        choose("split", "trian", ("train", "val"))
