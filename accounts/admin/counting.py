"""How many rows a list has, without ever counting a big table: exact up to a bound, an estimate above."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, models, transaction

from accounts.conflicts import sqlstate_of

#: Up to here a number is counted, above it is the planner's estimate.
EXACT_UP_TO = 10_000
#: A count that is not done in this time is an estimate too: the rows may be few and far between.
_COUNT_BUDGET_MS = 150
_QUERY_CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows, and whether it was counted."""

    number: int
    exact: bool

    def of(self, singular: str, plural: str) -> str:
        """ "1 deposit", "3,210 deposits" or "about 1,203,000 deposits"."""
        if not self.exact:
            return f"about {_rounded(self.number):,} {plural}"
        return f"{self.number:,} {singular if self.number == 1 else plural}"


def count(queryset: models.QuerySet[Any]) -> Count:
    """Return how many rows `queryset` has; above `EXACT_UP_TO` as the planner estimates it."""
    plain = queryset.order_by().values("pk")
    expected = estimate(plain)
    if expected > EXACT_UP_TO:
        return Count(expected, exact=False)
    number = within(_COUNT_BUDGET_MS, lambda: plain[: EXACT_UP_TO + 1].count())
    if number is None or number > EXACT_UP_TO:
        return Count(max(expected, number or 0), exact=False)
    return Count(number, exact=True)


def estimate(queryset: models.QuerySet[Any, Any]) -> int:
    """Return how many rows the planner expects `queryset` to have. Reads statistics, never the table."""
    try:
        sql, parameters = queryset.query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        row = cursor.fetchone()
    plan = row[0] if row else "[]"
    return int((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"])


def within(milliseconds: int, work: Callable[[], int]) -> int | None:
    """Run one query with a statement timeout of `milliseconds` and return its number; None when the time was up."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (usual,) = cursor.fetchone() or ("0",)
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            number = work()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [usual])
            return number
    except OperationalError as error:
        if sqlstate_of(error) == _QUERY_CANCELED:
            return None
        raise


def _rounded(number: int) -> int:
    """Four digits that count, so that an estimate does not look like a count."""
    step = int(10 ** max(len(str(number)) - 4, 0))
    return round(number / step) * step
