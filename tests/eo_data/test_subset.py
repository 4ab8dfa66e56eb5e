from collections import Counter
from itertools import pairwise

import pytest

from eo_data.subset import take_fraction

IDS = [f"patch-{i}" for i in range(2000)]
STRATA = [(i % 3,) if i % 50 else (9, i) for i in range(2000)]  # three common sets of labels, forty unique ones


def test_as_published_with_replacement(rule):
    case = rule("random_subset")
    given = case["input"]
    rows = take_fraction(
        [str(i) for i in range(given["len"])], None, given["frac"], seed=given["seed"], replacement=True
    )
    assert rows == case["outputs"]["indices"]
    assert len(set(rows)) == case["outputs"]["distinct"]


def test_smaller_lie_in_larger_and_have_their_size():
    fractions = (0.01, 0.1, 0.1005, 0.5, 1)
    drawn = [take_fraction(IDS, STRATA, fraction) for fraction in fractions]
    assert [len(rows) for rows in drawn] == [20, 200, 201, 1000, 2000]
    for small, large in pairwise(drawn):
        assert set(small) < set(large)
        assert large == sorted(set(large))


def test_every_stratum_has_its_share():
    there, taken = Counter(STRATA), Counter(STRATA[row] for row in take_fraction(IDS, STRATA, 0.1))
    for stratum in [(0,), (1,), (2,)]:
        assert abs(taken[stratum] - there[stratum] / 10) <= 1
    assert 0 < sum(count for stratum, count in taken.items() if len(stratum) == 2) < 12  # rare ones by chance: 4


def test_depends_on_ids_strata_and_seed_alone():
    shuffled = list(range(1999, -1, -1))
    rows = take_fraction([IDS[i] for i in shuffled], [STRATA[i] for i in shuffled], 0.1, seed=3)
    assert {shuffled[row] for row in rows} == set(take_fraction(IDS, STRATA, 0.1, seed=3))
    assert take_fraction(IDS, STRATA, 0.1, seed=3) != take_fraction(IDS, STRATA, 0.1, seed=4)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"fraction must be in \(0, 1\], got 1.5"):
        take_fraction(IDS, STRATA, 1.5)
    with pytest.raises(ValueError, match="wants strata"):
        take_fraction(IDS, None, 0.5)
