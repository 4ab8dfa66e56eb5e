import math

import numpy as np
import pytest

from eo_data.synthetic.materials import MATERIALS
from eo_data.synthetic.structures import Structure, build
from eo_data.synthetic.surface import Surface

EMPTY = np.zeros((len(MATERIALS), 40, 40), np.float32)
EMPTY[MATERIALS.index("herb")] = 1
GROUND = Surface(np.zeros((40, 40), np.uint8), EMPTY)


@pytest.mark.parametrize(
    ("structure", "area"),
    [
        (Structure(material="metal", centre=(20, 20), half=(3, 8)), 6 * 16),
        (Structure(material="metal", centre=(20, 20), half=(3, 8), angle=0.7), 6 * 16),
        (Structure(material="metal", centre=(20, 20), half=(6, 6), round=True), math.pi * 36),
        (Structure(material="metal", centre=(20, 20), half=(4, 9), angle=1.0, round=True), math.pi * 36),
    ],
)
def test_a_shape_covers_its_area(structure, area):
    shares = build([structure], GROUND).shares
    assert shares[MATERIALS.index("metal")].sum() == pytest.approx(area, rel=0.12)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-6)


def test_later_structures_stand_upon_earlier_ones():
    pad, tank = (Structure(material=m, centre=(20, 20), half=(h, h)) for m, h in (("asphalt", 8), ("metal", 3)))
    shares = build([pad, tank], GROUND).shares
    assert shares[MATERIALS.index("metal"), 20, 20] == 1
    assert shares[MATERIALS.index("asphalt"), 20, 26] == 1
    assert shares[MATERIALS.index("herb"), 2, 2] == 1


def test_nothing_built_leaves_the_surface_as_it_is():
    assert build([], GROUND) is GROUND
