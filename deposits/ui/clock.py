"""Times as players read them."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from carriers.wording import fill
from deposits.formats import format_day, format_time

_MINUTE_S, _HOUR_S = 60, 3_600


def clock(moment: datetime, now: datetime) -> str:
    """Return the time of day, "14:05", with the day where it is not today's: "14:05 on 3 June"."""
    day, today = timezone.localtime(moment).date(), timezone.localtime(now).date()
    time = format_time(moment)
    return time if day == today else fill(_("{time} on {day}"), time=time, day=format_day(day))


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago, "2 minutes ago", and the time of day; of another day only the latter."""
    seconds = (now - moment).total_seconds()
    time = clock(moment, now)
    if seconds < _MINUTE_S:
        return fill(_("just now, {time}"), time=time)
    if seconds < _HOUR_S:
        minutes = int(seconds // _MINUTE_S)
        told = ngettext("{count} minute ago, {time}", "{count} minutes ago, {time}", minutes)
        return fill(told, count=minutes, time=time)
    return time
