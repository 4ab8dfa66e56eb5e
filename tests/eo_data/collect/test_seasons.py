from datetime import UTC, date, datetime

import pytest

from eo_data.collect.seasons import seco_windows, ssl4eo_windows, window_round


def test_a_window_drops_half_days_at_both_ends_as_the_authors_do():
    window = window_round(date(2021, 6, 15), days=15)
    assert window == (date(2021, 6, 7), date(2021, 6, 22))  # conformance: search_period
    assert str(window) == "2021-06-07/2021-06-22"


def test_a_window_ends_before_its_end():
    window = window_round(date(2021, 6, 15), days=15)
    assert window.holds(datetime(2021, 6, 7, tzinfo=UTC))
    assert window.holds(datetime(2021, 6, 21, 23, 59, 59, tzinfo=UTC))
    assert not window.holds(datetime(2021, 6, 22, tzinfo=UTC))


def test_seco_has_five_windows_twelve_weeks_apart_and_shifted_together():
    windows = seco_windows(date(2021, 9, 22), shift=10)
    assert [window.start for window in windows] == [
        date(2021, 9, 4), date(2021, 6, 12), date(2021, 3, 20), date(2020, 12, 26), date(2020, 10, 3),
    ]  # fmt: skip
    assert {(window.end - window.start).days for window in windows} == {15}


def test_ssl4eo_has_its_published_anchors():
    windows = ssl4eo_windows(date(2021, 9, 22), shift=0)
    middles = [window.start.toordinal() + 15 for window in windows]
    published = [date(2021, 9, 22), date(2021, 6, 21), date(2021, 3, 20), date(2020, 12, 21)]
    assert middles == [day.toordinal() for day in published]


@pytest.mark.parametrize("until", [date(2021, 9, 21), date(2021, 1, 1), date(2024, 12, 31)])
def test_ssl4eo_takes_the_last_four_quarters_of_any_day(until):
    middles = [window.start.toordinal() + 15 for window in ssl4eo_windows(until, shift=0)]
    assert len(middles) == 4
    assert all(0 <= until.toordinal() - middle < 365 for middle in middles)
    assert middles == sorted(middles, reverse=True)
