import numpy as np

from eo_data.synthetic.materials import BACKSCATTER, BANDS, MATERIALS, REFLECTANCE


def band(material, name):
    return REFLECTANCE[MATERIALS.index(material), BANDS.index(name)]


def test_every_material_has_all_bands():
    assert REFLECTANCE.shape == (len(MATERIALS), 12)
    assert BACKSCATTER.shape == (len(MATERIALS), 2)
    assert ((REFLECTANCE > 0) & (REFLECTANCE < 1)).all()


def test_leaves_are_bright_in_the_infrared_and_water_is_dark():
    for leaf in ("broadleaf", "needleleaf", "herb", "reed"):
        assert band(leaf, "B08") > 5 * band(leaf, "B04")
    assert band("clear water", "B11") < band("clear water", "B03") / 5
    assert band("snow", "B11") < band("snow", "B03") / 5


def test_radar_sees_roofs_bright_and_water_dark():
    vv, vh = 10 * np.log10(BACKSCATTER.T)
    assert (vv > vh).all()
    assert vv[MATERIALS.index("metal")] > -5 > -15 > vv[MATERIALS.index("clear water")]
