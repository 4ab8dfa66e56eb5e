from dataclasses import replace
from datetime import timedelta

import pytest

from eo_data.collect import EARTH_SEARCH, PLANETARY_COMPUTER, UnreachableError
from eo_data.collect.signing import Signer


@pytest.fixture
def signer(server, http):
    return Signer(replace(PLANETARY_COMPUTER, token=f"{server.address}/token/{{collection}}"), http)


def test_one_token_serves_a_collection_while_it_lasts(signer, server):
    assert signer.sign("http://h/a.tif", "sentinel-2-l2a") == "http://h/a.tif?sig=1"
    assert signer.sign("http://h/b.tif?x=1", "sentinel-2-l2a") == "http://h/b.tif?x=1&sig=1"
    assert signer.sign("http://h/c.tif", "sentinel-1-rtc") == "http://h/c.tif?sig=2"
    assert server.requests == ["/token/sentinel-2-l2a", "/token/sentinel-1-rtc"]


def test_a_token_about_to_end_is_renewed_before_it_is_used(signer, server):
    server.lifetime = timedelta(seconds=30)
    assert [signer.sign("http://h/a.tif", "c")[-1] for _ in range(2)] == ["1", "2"]


def test_a_refused_token_is_renewed_once_however_many_threads_had_it(signer, server):
    refused = signer.sign("http://h/a.tif", "c")
    assert [signer.sign("http://h/a.tif", "c", refused=refused) for _ in range(3)] == ["http://h/a.tif?sig=2"] * 3
    assert len(server.requests) == 2


def test_public_files_need_no_token(server, http):
    assert Signer(EARTH_SEARCH, http).sign("http://h/a.tif", "sentinel-2-l2a") == "http://h/a.tif"
    assert not server.requests


def test_a_key_goes_to_the_token_endpoint_alone(signer, monkeypatch):
    sent = []
    monkeypatch.setenv("PC_SDK_SUBSCRIPTION_KEY", "mine")
    get = signer.http.get
    monkeypatch.setattr(signer.http, "get", lambda url, headers: (sent.append(headers), get(url, headers=headers))[1])
    assert "mine" not in signer.sign("http://h/a.tif", "c")
    assert sent == [{"Ocp-Apim-Subscription-Key": "mine"}]


def test_no_token_is_an_error_that_names_the_key(signer, server):
    server.faults = [("token", 401)]
    with pytest.raises(UnreachableError, match="no token for c: .* 401 .*subscription key in PC_SDK_SUBSCRIPTION_KEY"):
        signer.sign("http://h/a.tif", "c")
