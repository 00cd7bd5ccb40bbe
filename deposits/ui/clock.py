"""Times as players read them."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

_MINUTE_S, _HOUR_S = 60, 3_600


def clock(moment: datetime, now: datetime) -> str:
    """Return the time of day, "14:05", with the day where it is not today's: "14:05 on 3 June"."""
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%H:%M} on {day(local.date())}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago, "2 minutes ago", and the time of day; of another day only the latter."""
    seconds = (now - moment).total_seconds()
    if seconds < _MINUTE_S:
        return f"just now, {clock(moment, now)}"
    if seconds < _HOUR_S:
        minutes = int(seconds // _MINUTE_S)
        return f"{minutes} {'minute' if minutes == 1 else 'minutes'} ago, {clock(moment, now)}"
    return clock(moment, now)


def day(on: date) -> str:
    """Return a date: "3 June"."""
    return f"{on.day} {on:%B}"
