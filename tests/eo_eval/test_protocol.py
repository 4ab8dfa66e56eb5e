import pytest

from eo_eval.protocol import PROTOCOLS, get_protocol


def test_the_two_protocols_differ_in_plain_switches():
    recommended, published = PROTOCOLS["recommended"], PROTOCOLS["published"]
    assert (recommended.batch_norm, recommended.metric_batch, recommended.replacement) == ("frozen", None, False)
    assert (published.batch_norm, published.metric_batch, published.replacement) == ("adapted", 64, True)


def test_an_unknown_protocol_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="unknown protocol 'publish'; nearest known: published"):
        get_protocol("publish")
