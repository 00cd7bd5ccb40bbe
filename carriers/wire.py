"""What every protocol's bodies have in common: strict JSON, amounts as decimal numbers, Retry-After.

The functions that read raise ValueError for what they cannot read for certain, and quote nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

# Decimals in a currency's smallest unit (ISO 4217).
MINOR_DIGITS = {"GBP": 2, "EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
# With more digits before the point an amount is nonsense, and turning it into an int would fill the memory.
AMOUNT_DIGITS_MAX = 15
RETRY_AFTER_DEFAULT_S = 2.0
RETRY_AFTER_MAX_S = 300.0

_Wire = TypeVar("_Wire")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


#: Value to JSON bytes; a Decimal becomes a number with exactly its own digits.
encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = json.JSONDecoder(object_pairs_hook=_members, parse_float=Decimal, parse_constant=_no_number).decode


def read(body: bytes, kind: type[_Wire]) -> _Wire:
    """`body` as `kind`. Fractions are Decimal, never float; NaN, infinities and double names are refused."""
    try:
        loaded = _decode(body.decode())
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise ValueError(f"not legible JSON ({type(error).__name__})") from None
    return convert(loaded, kind)


def convert(loaded: object, kind: type[_Wire]) -> _Wire:
    """A part of what `read` returned, as `kind`."""
    return msgspec.convert(loaded, kind, builtin_types=(Decimal,))


def decimal(digits: str) -> Decimal:
    """An amount that was sent as text. ValueError for anything but digits with at most one point."""
    if not digits.replace(".", "", 1).isdecimal() or not digits.isascii():
        raise ValueError("amount: no number")
    return Decimal(digits)


def to_decimal(amount_minor: int, currency: str) -> Decimal:
    """2000 in GBP as 20.00, 2000 in JPY as 2000. KeyError for a currency that MINOR_DIGITS does not know."""
    return Decimal(amount_minor).scaleb(-MINOR_DIGITS[currency])


def to_minor(amount: int | Decimal, currency: str) -> int | None:
    """20.00 in GBP as 2000; None when it is no positive whole number of minor units, or the
    currency is not known.
    """
    amount = Decimal(amount)
    digits = MINOR_DIGITS.get(currency)
    if digits is None or amount <= 0 or amount.adjusted() >= AMOUNT_DIGITS_MAX:
        return None
    minor = int(amount.scaleb(digits))
    # `scaleb` rounds to 28 digits; the comparison is exact.
    return minor if Decimal(minor).scaleb(-digits) == amount else None


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds to wait, told in seconds or as an HTTP date; 2 when not told or unreadable, at most 300."""
    told = headers.get("retry-after", "")
    if told.isdecimal():
        return min(float(told), RETRY_AFTER_MAX_S)
    try:
        wait_s = (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return RETRY_AFTER_DEFAULT_S
    return min(max(wait_s, 0.0), RETRY_AFTER_MAX_S)


def timestamp(moment: datetime) -> str:
    """The moment as RFC 3339 in UTC, to the second: "2026-11-22T12:00:00Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
