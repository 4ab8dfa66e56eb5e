import pytest

from eo_data import normalization_for
from eo_eval import Setup


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "recomended"}, "unknown protocol 'recomended'; nearest known: recommended"),
        ({"feature": "class"}, "unknown feature 'class'; nearest known: cls"),
        ({"fraction": 0.0}, r"fraction must be in \(0, 1\], got 0.0"),
    ],
)
def test_what_cannot_be_is_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        Setup(**options)


def test_normalization_by_name_or_as_steps():
    assert Setup(normalization="softcon_s2").steps == normalization_for("softcon_s2")
    assert Setup(normalization=[{"op": "floor"}]).steps == [{"op": "floor"}]
    assert Setup().steps is None
