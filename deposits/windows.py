"""The windows of time that rules count in: when one began, and when it starts again. No clock of its own."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ROLLING, DEPOSIT = "rolling", "deposit"
_UNITS = {name: f"{name.rstrip('s')}s" for name in ("minute", "minutes", "hour", "hours", "day", "days")}


@dataclass(frozen=True, slots=True)
class Window:
    """How a rule counts time: `kind` of models.Rule.Window, with what that kind needs."""

    kind: str
    zone: str = ""
    length: str = ""
    anchor_day: int | None = None

    @property
    def rolls(self) -> timedelta | None:
        """How long a rolling window is; None for one of the calendar."""
        return length_of(self.length) if self.kind == ROLLING else None

    def start(self, at: datetime) -> datetime:
        """Return since when a deposit counts at `at`."""
        if length := self.rolls:
            return at - length
        return _midnight(self._first_day(at.astimezone(_zone(self.zone)).date()), self.zone)

    def end(self, at: datetime) -> datetime | None:
        """Return when the window that `at` is in starts again; None for one that never does so at once."""
        if self.kind in (ROLLING, DEPOSIT):
            return None
        first = self._first_day(at.astimezone(_zone(self.zone)).date())
        match self.kind:
            case "day":
                first += timedelta(days=1)
            case "week":
                first += timedelta(days=7)
            case _:
                first = _anchored(first.year, first.month + 1, self.anchor_day or 1)
        return _midnight(first, self.zone)

    def _first_day(self, day: date) -> date:
        match self.kind:
            case "day":
                return day
            case "week":
                return day - timedelta(days=day.weekday())
            case "month":
                return day.replace(day=1)
            case "billing_cycle":
                this = _anchored(day.year, day.month, self.anchor_day or 1)
                return this if this <= day else _anchored(day.year, day.month - 1, self.anchor_day or 1)
        raise ValueError(f"{self.kind!r} is no window of the calendar")


@lru_cache(maxsize=64)
def length_of(text: str) -> timedelta:
    """Return a length of time: "30 minutes", "24 hours", "7 days". Raises ValueError.

    There is no rolling month: its 31st would come back on the day after it had gone. "31 days" is the longest one.
    """
    number, _, unit = text.partition(" ")
    if not number.isdecimal() or len(number) > 3 or not int(number) or unit not in _UNITS:
        raise ValueError(f'{text!r}: must be like "24 hours" or "30 days"')
    return timedelta(**{_UNITS[unit]: int(number)})


def _anchored(year: int, month: int, anchor_day: int) -> date:
    """The anchor's day of a month, or its last one where it is shorter. `month` may be 0 or 13."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(anchor_day, calendar.monthrange(year, month)[1]))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), _zone(zone)).astimezone(UTC)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")
