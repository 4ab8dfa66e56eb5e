import threading
import time
from email.utils import formatdate

import pytest

from eo_data.collect import UnreachableError
from eo_data.collect.http import DeniedError, Http, MissingError, Patience, StoppedError, _retry_after

PART = {"Range": "bytes=0-99"}


@pytest.fixture
def url(server):
    return f"{server.address}/data/sentinel-2-l2a/0/B01.tif"


@pytest.mark.parametrize("fault", [429, 500, 503, "cut"])
def test_a_server_that_fails_for_a_while_is_asked_again(server, http, url, fault):
    server.faults = [("B01", fault)] * 3
    assert len(http.get(url, headers=PART).content) == 100
    assert len(server.requests) == 4


def test_silence_is_a_failure(server, url):
    server.faults = [("B01", "hang")]
    http = Http(Patience(first=0.01, timeout=0.5, attempts=4))
    start = time.monotonic()
    assert len(http.get(url, headers=PART).content) == 100
    assert time.monotonic() - start >= 0.5


@pytest.mark.parametrize(
    ("fault", "last"), [(503, "503 Service Unavailable"), ("cut", "ChunkedEncodingError"), (429, "429 Too Many")]
)
def test_patience_ends_with_the_address_and_the_last_complaint(server, http, url, fault, last):
    server.faults = [("B01", fault)] * 10
    with pytest.raises(UnreachableError, match=f"{url} did not answer, tried 4 times \\(last: {last}"):
        http.get(f"{url}?sig=secret", headers=PART)
    assert len(server.requests) == 4


def test_tokens_stay_out_of_messages(http):
    with pytest.raises(UnreachableError) as caught:
        http.get("http://127.0.0.1:9/file.tif?sig=secret")
    assert "secret" not in str(caught.value)
    assert "http://127.0.0.1:9/file.tif did not answer" in str(caught.value)


@pytest.mark.parametrize(("status", "error"), [(404, MissingError), (410, MissingError), (403, DeniedError)])
def test_what_waiting_will_not_change_is_said_at_once(server, http, url, status, error):
    server.faults = [("B01", status)]
    with pytest.raises(error, match=f"B01.tif answers {status}"):
        http.get(url, headers=PART)
    server.faults = [("B01", 400)]
    with pytest.raises(UnreachableError, match="B01.tif answers 400 Bad Request: no"):
        http.get(url, headers=PART)
    assert len(server.requests) == 2


def test_more_than_was_asked_for_is_not_read(http, url):
    with pytest.raises(UnreachableError, match="sends more of the file than it was asked for"):
        http.get(url, headers=PART, length=50)


def test_pauses_double_until_they_are_long_enough_and_are_never_shorter_than_asked():
    patience = Patience(first=1, longest=60)
    assert [patience.pause(failures, None) for failures in (1, 2, 3, 9)] == [1, 2, 4, 60]
    assert patience.pause(1, 20) == 20
    assert patience.pause(1, 86_400) == 60
    assert patience.pause(5, 2) == 16


def answer_saying(**headers):
    return type("Answer", (), {"headers": headers})


def test_retry_after_is_a_number_or_a_date():
    assert _retry_after(answer_saying(**{"Retry-After": "7"})) == 7
    assert _retry_after(answer_saying(**{"Retry-After": "soon"})) is None
    assert _retry_after(answer_saying()) is None
    date = formatdate(time.time() + 100, usegmt=True)
    assert _retry_after(answer_saying(**{"Retry-After": date})) == pytest.approx(100, abs=20)
    past = formatdate(time.time() - 100, usegmt=True)
    assert _retry_after(answer_saying(**{"Retry-After": past})) == 0


def test_a_client_that_is_stopped_waits_no_longer(server, url):
    server.faults = [("B01", 503)] * 5
    http = Http(Patience(first=60))
    threading.Timer(0.2, http.stop.set).start()
    start = time.monotonic()
    with pytest.raises(StoppedError):
        http.get(url, headers=PART)
    assert time.monotonic() - start < 30
