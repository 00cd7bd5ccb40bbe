"""Windows of time against the plainest way to find them: looking at each day's calendar page in turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deposits.windows import Window, length_of

ZONE = "Europe/London"
MOMENTS = st.integers(1_704_067_200, 1_893_456_000).map(lambda at: datetime.fromtimestamp(at, UTC))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def begins_cycle(anchor_day: int) -> Callable[[date], bool]:
    def begins(day: date) -> bool:
        is_last = (day + timedelta(days=1)).day == 1
        return day.day == anchor_day or (is_last and day.day < anchor_day)

    return begins


def check(window: Window, at: datetime, begins: Callable[[date], bool]) -> None:
    """Assert that the window runs between the midnights of the days on both sides of `at` on which one begins."""
    first = at.astimezone(ZoneInfo(ZONE)).date()
    following = first + timedelta(days=1)
    while not begins(first):
        first -= timedelta(days=1)
    while not begins(following):
        following += timedelta(days=1)
    assert (window.start(at), window.end(at)) == (midnight(first), midnight(following))
    assert window.start(at) <= at < midnight(following)


@given(at=MOMENTS, anchor_day=st.integers(1, 31))
def test_a_billing_cycle_begins_on_its_day_or_on_the_last_of_a_shorter_month(
    at: datetime, anchor_day: int
) -> None:
    check(Window("billing_cycle", ZONE, anchor_day=anchor_day), at, begins_cycle(anchor_day))


@given(at=MOMENTS)
def test_days_weeks_and_months_begin_at_midnight_where_the_rule_says(at: datetime) -> None:
    check(Window("day", ZONE), at, lambda _: True)
    check(Window("week", ZONE), at, lambda day: day.weekday() == 0)
    check(Window("month", ZONE), at, lambda day: day.day == 1)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 10, 25), 25), (date(2027, 3, 28), 23)])
def test_a_day_on_which_the_clocks_change_is_longer_or_shorter(day: date, hours: int) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    window = Window("day", ZONE)
    end = window.end(noon)
    assert end is not None
    assert end - window.start(noon) == timedelta(hours=hours)


@given(at=MOMENTS)
def test_a_rolling_window_is_as_long_as_it_says(at: datetime) -> None:
    window = Window("rolling", length="24 hours")
    assert (window.start(at), window.end(at)) == (at - timedelta(hours=24), None)


@pytest.mark.parametrize("text", ["1 month", "0 days", "24", "days", "-1 days", "9999 hours"])
def test_a_length_that_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        length_of(text)
