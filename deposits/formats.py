"""Money, dates and times as people write them in the language of the moment, by Babel from the CLDR."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.dates import format_time as babel_time
from babel.numbers import format_currency
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext, pgettext, to_locale

from carriers.wording import fill, isolated

#: Some languages' own rules name the pound by its code, or by where it comes from: everybody here means this one.
_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
#: A day without its year, where the CLDR has another order for it than for a whole date.
_DAYS = {"cy": "d MMMM"}
_LENGTH = re.compile(r"(\d+) (hour|day)s?\Z")


@cache
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(to_locale(language))
    except UnknownLocaleError:
        return Locale.parse(to_locale(settings.LANGUAGE_CODE))


def locale() -> Locale:
    """Return the locale of the moment's language."""
    return _locale(get_language() or settings.LANGUAGE_CODE)


def format_money(minor: int, currency: str, *, short: bool = False) -> str:
    """Return an amount in minor units as text: 2000 GBP → "£20.00", short "£20"."""
    return isolated(_money(minor, currency, short and not minor % 100, locale()))


@lru_cache(maxsize=4_096)
def _money(minor: int, currency: str, whole: bool, written: Locale) -> str:
    pattern = written.currency_formats["standard"].pattern
    text: str = format_currency(
        Decimal(minor) / 100,
        currency,
        pattern.replace(".00", "") if whole else pattern,
        locale=written,
        currency_digits=False,
    )
    symbol = written.currency_symbols.get(currency, currency)
    return text.replace(symbol, _SYMBOLS.get(currency, symbol))


def format_day(day: date) -> str:
    """Return a day as players read it: "1 December"."""
    written = locale()
    if pattern := _DAYS.get(written.language):
        return format_date(day, pattern, locale=written)
    return format_skeleton("MMMMd", day, locale=written)


def format_date_and_time(moment: datetime) -> str:
    """Return a moment for the record: "2 March 2026, 14:05 GMT"."""
    local = timezone.localtime(moment)
    day = format_date(local.date(), "long", locale=locale())
    return fill(gettext("{date}, {time} {zone}"), date=day, time=format_time(local), zone=f"{local:%Z}")


def format_time(moment: datetime, *, seconds: bool = False) -> str:
    """Return the local time of day: "14:05", or "14:05:31"."""
    local = timezone.localtime(moment)
    return isolated(babel_time(local.time(), "medium" if seconds else "short", locale=locale()))


def format_moment(moment: datetime) -> str:
    """Return when something starts again: "1 December", or "23 November at 14:05" where that is not midnight."""
    local = timezone.localtime(moment)
    day = format_day(local.date())
    if not (local.hour or local.minute):
        return day
    return fill(gettext("{day} at {time}"), day=day, time=format_time(local))


def format_wait(left: timedelta) -> str:
    """Return how long there is to wait, rounded up: "1 minute", "45 minutes", "2 hours"."""
    minutes = max(-(-int(left.total_seconds()) // 60), 1)
    if minutes < 120:
        return fill(ngettext("{count} minute", "{count} minutes", minutes), count=minutes)
    hours = -(-minutes // 60)
    return fill(ngettext("{count} hour", "{count} hours", hours), count=hours)


def format_period(window: str, length: str = "") -> str:
    """Return the time that a limit counts in, after a sum: "this week", "in 24 hours"."""
    match window:
        case "day":
            return pgettext("after a sum of money", "today")
        case "week":
            return pgettext("after a sum of money", "this week")
        case "month":
            return pgettext("after a sum of money", "this month")
        case "billing_cycle":
            return pgettext("after a sum of money", "in this billing month")
    match _counted(length):
        case count, "hour":
            return fill(ngettext("in {count} hour", "in {count} hours", count), count=count)
        case count, "day":
            return fill(ngettext("in {count} day", "in {count} days", count), count=count)
    return fill(gettext("in {length}"), length=length) if length else ""


def format_cap_period(window: str, length: str = "") -> str:
    """Return the time that a carrier's cap counts in, after "limit reached for": "this week", "the last 30 days"."""
    match window:
        case "day":
            return pgettext("limit reached for", "today")
        case "week":
            return pgettext("limit reached for", "this week")
        case "month":
            return pgettext("limit reached for", "this month")
        case "billing_cycle":
            return pgettext("limit reached for", "this billing month")
    match _counted(length):
        case count, "hour":
            return fill(ngettext("the last {count} hour", "the last {count} hours", count), count=count)
        case count, "day":
            return fill(ngettext("the last {count} day", "the last {count} days", count), count=count)
    return fill(gettext("the last {length}"), length=length)


def _counted(length: str) -> tuple[int, str] | None:
    """The number and the unit of a rule's length, "24 hours"; None for what players' rules do not use."""
    match = _LENGTH.match(length)
    return (int(match[1]), match[2]) if match else None
