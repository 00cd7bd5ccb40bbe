"""Lists in pages: filters from an allow-list, newest first, and a cursor that marks a place, not a count."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet
from django.http import QueryDict

from deposits.api import checks
from deposits.api.problems import FieldError, Problem
from deposits.models import Deposit
from deposits.presentation import status
from deposits.states import State

DEFAULT_LIMIT, MOST_LIMIT = 20, 100

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_CENTURY = (_EPOCH, datetime(2100, 1, 1, tzinfo=UTC))
_MICROSECOND = timedelta(microseconds=1)
_PLACE = struct.Struct(">q16s")

#: The states behind each status, asked of the mapping that every answer uses.
STATES_OF: dict[str, list[str]] = {}
for _state in State:
    STATES_OF.setdefault(status(Deposit(state=_state)), []).append(_state.value)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What was asked for: how many, and which."""

    limit: int
    condition: Q


class _Unusable(ValueError):
    """A parameter that cannot be read; the text says what would be right."""


def read(parameters: QueryDict) -> ListQuery:
    """Read the query string of GET /deposits. Raises `Problem` (400) naming each parameter that is not usable."""
    return _read(parameters, _READERS)


def read_place(parameters: QueryDict, named: re.Pattern[str]) -> ListQuery:
    """Read the query string of a list that has no filters and is ordered by its UUIDs, the newest first.

    `named` finds the UUID's digits in the id after which the page begins. Raises `Problem` (400) as `read` does.
    """

    def after(text: str) -> Q:
        if match := named.match(text):
            return Q(pk__lt=UUID(hex=match[1]))
        raise _Unusable("Send the next_cursor of the page before, as it was.")

    return _read(parameters, {"limit": _limit, "after": after})


def _read(parameters: QueryDict, readers: dict[str, Callable[[str], Any]]) -> ListQuery:
    errors: list[FieldError] = []
    condition, limit = Q(), DEFAULT_LIMIT
    for name, values in parameters.lists():
        reader = readers.get(name)
        if reader is None:
            errors.append(FieldError(name[:64], "unknown_field", f"Known here: {', '.join(readers)}."))
        elif len(values) > 1:
            errors.append(FieldError(name, "repeated", "Send it once."))
        else:
            try:
                read_value = reader(values[0])
            except _Unusable as error:
                errors.append(FieldError(name, "malformed", str(error)))
                continue
            if isinstance(read_value, int):
                limit = read_value
            else:
                condition &= read_value
    if errors:
        raise Problem("query_invalid", f"{errors[0].field}: {errors[0].detail}", errors=errors)
    return ListQuery(limit, condition)


def refuse_any(parameters: QueryDict) -> None:
    """Make sure that no parameters were sent where none exist. Raises `Problem` (400)."""
    errors = [
        FieldError(name[:64], "unknown_field", "Leave it out. None is known here.") for name in parameters
    ]
    if errors:
        raise Problem("query_invalid", f"{errors[0].field}: {errors[0].detail}", errors=errors)


def page(deposits: QuerySet[Deposit], query: ListQuery) -> tuple[list[Deposit], str | None]:
    """Return one page, newest first, and the cursor of the next; None when this is the last.

    What is created while somebody pages comes before their place, so nothing is skipped and nothing comes twice.
    """
    found = list(deposits.filter(query.condition).order_by("-created_at", "-id")[: query.limit + 1])
    if len(found) <= query.limit:
        return found, None
    found.pop()
    return found, cursor_after(found[-1])


def cursor_after(deposit: Deposit) -> str:
    """Return the place right after `deposit` in the list."""
    since = (deposit.created_at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(_PLACE.pack(since, deposit.id.bytes)).decode()


def _after(text: str) -> Q:
    wrong = _Unusable("Send the next_cursor of the page before, as it was.")
    try:
        since, identity = _PLACE.unpack(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True))
        moment = _EPOCH + timedelta(microseconds=since)
    except (ValueError, struct.error, binascii.Error, OverflowError):
        raise wrong from None
    if not _CENTURY[0] <= moment < _CENTURY[1]:
        raise wrong
    # The first condition alone is what the index starts from.
    return Q(created_at__lte=moment) & (Q(created_at__lt=moment) | Q(id__lt=UUID(bytes=identity)))


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST_LIMIT):
        raise _Unusable(f"Send a whole number from 1 to {MOST_LIMIT}.")
    return int(text)


def _status(text: str) -> Q:
    if text not in STATES_OF:
        raise _Unusable(f"Send one of: {', '.join(STATES_OF)}.")
    return Q(state__in=STATES_OF[text])


def _exactly(column: str, check: checks.Check) -> Callable[[str], Q]:
    def read_text(text: str) -> Q:
        if wrong := check(text):
            raise _Unusable(wrong[1])
        return Q(**{column: text})

    return read_text


def _time(column: str) -> Callable[[str], Q]:
    def read_time(text: str) -> Q:
        right = "Send a time like 2026-11-22T10:00:00Z, with its zone; write + as %2B."
        try:
            moment: datetime = msgspec.convert(text, datetime)
        except msgspec.ValidationError:
            raise _Unusable(right) from None
        if moment.tzinfo is None or not _CENTURY[0] <= moment < _CENTURY[1]:
            raise _Unusable(right)
        return Q(**{column: moment})

    return read_time


#: Everything that may be asked, and how it is read.
_READERS: dict[str, Callable[[str], Any]] = {
    "limit": _limit,
    "after": _after,
    "status": _status,
    "player": _exactly("player__external_id", checks.player),
    "partner_reference": _exactly("partner_reference", checks.partner_reference),
    "reference": _exactly("reference", checks.reference),
    "created_from": _time("created_at__gte"),
    "created_to": _time("created_at__lt"),
}
PARAMETERS = tuple(_READERS)
