import pytest
from torch.utils.data import Subset

from eo_eval.described import channel_order, data_bands, described

S2 = ("B02", "B03", "B04", "B8A")


def test_what_a_wrapped_data_set_says(pictures):
    wrapped = Subset(Subset(pictures(6), [0, 1, 2]), [2])
    assert described(wrapped, "bands") == ("R", "G", "B")
    assert described(wrapped, "nothing") is None


def test_bands_in_any_spelling(tiny, samples):
    model = tiny(S2, "sentinel2-l2a")
    assert data_bands(model, samples([], bands=["B2", "b03", "B4", "B8a"])) == S2
    assert data_bands(model, samples([]), ["B8A", "B04"]) == ("B8A", "B04")


@pytest.mark.parametrize("facts", [{}, {"bands": "s2"}])
def test_a_data_set_that_does_not_say_its_bands_is_refused(tiny, samples, facts):
    with pytest.raises(ValueError, match=r"Samples does not say its bands: pass bands=\[...\]"):
        data_bands(tiny(), samples([], **facts))


def test_channels_are_put_in_order_only_when_asked(tiny):
    model = tiny(S2, "sentinel2-l2a")
    assert channel_order(model, S2) is None
    turned = ("B04", "B03", "B02", "B05", "B8A")
    with pytest.raises(ValueError, match="tiny takes B02 B03 B04 B8A, the data has B04 B03 B02 B05 B8A; pass select"):
        channel_order(model, turned)
    assert channel_order(model, turned, select=True) == [2, 1, 0, 4]


def test_a_missing_band_is_named(tiny):
    with pytest.raises(ValueError, match="the data has B02 B03; missing: B04 B8A"):
        channel_order(tiny(S2, "sentinel2-l2a"), ("B02", "B03"), select=True)
