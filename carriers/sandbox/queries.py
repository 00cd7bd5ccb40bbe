"""GET /payments: its filters and its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import UNSET
from multidict import MultiMapping

from carriers.sandbox.answers import Answer, payment_object
from carriers.sandbox.clock import read_stamp
from carriers.sandbox.errors import INVALID_DATE_RANGE, Refused, invalid, out_of_range
from carriers.sandbox.payments import Payment, Store
from carriers.sandbox.wire import encode

STATUSES = frozenset({"processing", "pending_validation", "denied", "reserved", "succeeded", "cancelled"})
# A client that reads 64 kB gets about a hundred payments into it; more is allowed for others.
PER_PAGE_LIMIT = 1_000

_NUMBER = re.compile(r"-?[0-9]{1,9}\Z")


@dataclass(frozen=True, slots=True)
class Filters:
    """One query. Times in seconds since 1970; `page` counts from 1."""

    start: float | None
    end: float | None
    statuses: frozenset[str]
    merchant: str
    ascending: bool
    page: int
    per_page: int

    def answer(self, store: Store) -> Answer:
        """The page asked for, with the two headers about the whole."""
        matching = store.between(self.start, self.end)
        if self.statuses or self.merchant:
            matching = [payment for payment in matching if self._matches(payment)]
        total, first = len(matching), (self.page - 1) * self.per_page
        if self.ascending:
            shown = matching[first : first + self.per_page]
        else:
            last = max(0, total - first)
            shown = matching[max(0, last - self.per_page) : last][::-1]
        headers = {
            "Content-Last-Key": str(first + len(shown) if shown else 0),
            "X-Total-Count": str(total),
        }
        return Answer(200, encode([payment_object(payment) for payment in shown]), headers=headers)

    def _matches(self, payment: Payment) -> bool:
        if self.statuses and payment.status not in self.statuses:
            return False
        metadata = payment.amount.charging_meta_data
        return not self.merchant or (metadata is not UNSET and metadata.merchant_identifier == self.merchant)


def read_filters(query: MultiMapping[str]) -> Filters:
    """Read the query. Raises 400: INVALID_ARGUMENT, INVALID_DATE_RANGE or OUT_OF_RANGE."""
    start = _time(query, "paymentCreationDate.gte")
    end = _time(query, "paymentCreationDate.lte")
    if start is not None and end is not None and start > end:
        raise Refused(INVALID_DATE_RANGE)
    statuses = frozenset(query.getall("paymentStatus", []))
    if not statuses <= STATUSES:
        raise invalid(f"paymentStatus takes {', '.join(sorted(STATUSES))}; repeat it for more than one.")
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise invalid("order is asc or desc.")
    page, per_page = _number(query, "page", 1), _number(query, "perPage", 10)
    if page < 1:
        raise out_of_range("page counts from 1.")
    if not 1 <= per_page <= PER_PAGE_LIMIT:
        raise out_of_range(f"perPage is from 1 to {PER_PAGE_LIMIT}.")
    return Filters(start, end, statuses, query.get("merchantIdentifier", ""), order == "asc", page, per_page)


def _time(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    if text is None:
        return None
    at = read_stamp(text)
    if at is None:
        raise invalid(f"{name} must be RFC 3339 with a time zone, its + sign written %2B in a query.")
    return at


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _NUMBER.match(text):
        raise invalid(f"{name} must be a whole number.")
    return int(text)
