import numpy as np
import pytest

from eo_data.synthetic.randomness import generator


def test_the_key_alone_decides():
    first = generator(3, "season", 1).random(4)
    generator(9).random()
    np.testing.assert_array_equal(first, generator(3, "season", 1).random(4))


@pytest.mark.parametrize("other", [(3, "season", 2), (3, "land", 1), (4, "season", 1), (3, "season")])
def test_another_key_is_another_stream(other):
    assert generator(3, "season", 1).random() != generator(*other).random()


def test_negative_numbers_are_refused():
    with pytest.raises(ValueError, match=r"seed and location must be at least 0, got \[-1, 5\]"):
        generator(-1, 5)
