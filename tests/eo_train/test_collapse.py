import warnings

import pytest
import torch

from eo_train.collapse import CollapseAlarm, embedding_std


def test_spread_of_random_rows_is_healthy_and_of_equal_rows_zero():
    rows = torch.randn(4096, 64, generator=torch.Generator().manual_seed(0))
    assert float(embedding_std(rows)) == pytest.approx(64**-0.5, rel=0.02)
    assert float(embedding_std(torch.ones(8, 64))) == 0


def test_the_alarm_rings_once_after_its_patience():
    alarm = CollapseAlarm(patience=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alarm.watch(0.0, 64, 1)
        alarm.watch(0.12, 64, 2)  # healthy again: the count begins anew
        alarm.watch(0.0, 64, 3)
        alarm.watch(0.0, 64, 4)
    with pytest.warns(RuntimeWarning, match="collapsed by step 5: their spread is 0, healthy is about 0.12; lower the"):
        alarm.watch(0.0, 64, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alarm.watch(0.0, 64, 6)
