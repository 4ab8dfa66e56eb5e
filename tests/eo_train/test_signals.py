import os
import signal

import pytest

from eo_train.signals import StopRequest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_remembered_and_the_second_acts(number):
    seen = []
    before = signal.signal(number, lambda *_: seen.append(1))
    try:
        with StopRequest() as stop:
            assert stop.signal is None
            os.kill(os.getpid(), number)
            assert stop.signal == number
            assert seen == []
            os.kill(os.getpid(), number)
            assert seen == [1]
    finally:
        signal.signal(number, before)


def test_handlers_come_back_on_leaving():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
