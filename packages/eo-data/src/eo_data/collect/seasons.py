"""When a place is looked at: windows of dates a season apart, shifted by the same random number of days."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

SHIFTS = 365
"""The shift of a place is 0 to 364 days."""
_WEEKS = (0, 12, 24, 36, 48)
_QUARTERS = ((3, 20), (6, 21), (9, 22), (12, 21))  # month and day: equinoxes and solstices


class Window(NamedTuple):
    """Dates from `start` to the day before `end`."""

    start: date
    end: date

    def __str__(self) -> str:
        return f"{self.start}/{self.end}"

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in the window."""
        return self.start <= moment.date() < self.end


def window_round(day: date, *, days: int) -> Window:
    """The window of so many days round a date; half days are dropped at both ends, as SeCo's downloader does."""
    middle, half = datetime.combine(day, time()), timedelta(days=days / 2)
    return Window((middle - half).date(), (middle + half).date())


def seco_windows(until: date, shift: int) -> tuple[Window, ...]:
    """SeCo: five windows of 15 days, 12 weeks apart, backwards from `until` less the shift; latest first.

    Source: ServiceNow/seasonal-contrast:datasets/seco_downloader.py.
    """
    return tuple(window_round(until - timedelta(weeks=weeks, days=shift), days=15) for weeks in _WEEKS)


def ssl4eo_windows(until: date, shift: int) -> tuple[Window, ...]:
    """SSL4EO-S12: four windows of 30 days round the last equinoxes and solstices, less the shift; latest first.

    Until 2021-09-22 these are the published ones (zhu-xlab/SSL4EO-S12:src/download_data/ssl4eo_s12_downloader.py).
    """
    quarters = (date(year, *quarter) for year in (until.year, until.year - 1) for quarter in reversed(_QUARTERS))
    anchors = [day for day in quarters if day <= until][:4]
    return tuple(window_round(day - timedelta(days=shift), days=30) for day in anchors)
