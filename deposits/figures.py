"""What the monitoring asks of the deposits: a handful of statements, each bounded by an index, none by the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from carriers import registry
from deposits import refund_states
from deposits.references import first_id_at
from deposits.states import FINAL, State

#: "Recent" deposits: accepted within this time, and at most this many, the newest.
RECENT_S = 600
_MOST_RECENT = 50_000
#: A page of notifications that nobody claims is alarming enough; more is not counted.
_MOST_UNMATCHED = 1_000

OPEN = tuple(state.value for state in State if state not in FINAL)
OPEN_REFUNDS = tuple(state.value for state in refund_states.State if state not in refund_states.FINAL)

# "state <> 'credited'" lets the planner use the index of what is not: it holds every open deposit.
_BY_STATE = """
SELECT state, count(*) FROM deposits_deposit WHERE state = ANY(%s) AND state <> 'credited' GROUP BY state
"""
_RECENT = """
SELECT state, count(*) FROM (
    SELECT state FROM deposits_deposit WHERE id >= %s ORDER BY id DESC LIMIT %s) AS newest GROUP BY state
"""
_OLDEST_UNKNOWN = """
SELECT carrier, extract(epoch FROM now() - min(coalesce(first_sent_at, created_at)))::float8
FROM deposits_deposit WHERE state = 'unknown' AND state <> 'credited' GROUP BY carrier
"""
_OLDEST_REVIEW = """
SELECT extract(epoch FROM now() - created_at)::float8 FROM deposits_deposit
WHERE state = 'review' AND state <> 'credited' ORDER BY id LIMIT 1
"""
# One probe for each carrier of each of the two indexes that a claim reads.
_DUE = """
SELECT code, coalesce(extract(epoch FROM now() - least(
    (SELECT min(next_action_at) FROM deposits_deposit
     WHERE carrier = code AND state <> 'received' AND next_action_at <= now()),
    (SELECT min(next_action_at) FROM deposits_deposit
     WHERE carrier = code AND state = 'received' AND next_action_at <= now()))), 0)::float8
FROM unnest(%s::text[]) AS code
"""
_TAKEOVERS = "SELECT count(*) FROM deposits_depositevent WHERE event = 'lease_lost'"
_UNMATCHED = """
SELECT count(*) FROM (SELECT FROM deposits_carriernotification WHERE deposit_id IS NULL LIMIT %s) AS unmatched
"""
# Written as the index of open refunds has it.
_REFUNDS = """
SELECT state, count(*) FROM deposits_refund WHERE state NOT IN ('returned', 'refused', 'failed') GROUP BY state
"""
_OLDEST_REFUND = """
SELECT carrier, extract(epoch FROM now() - min(approved_at))::float8 FROM deposits_refund
WHERE state IN ('approved', 'submitting', 'pending', 'unknown') GROUP BY carrier
"""
_BREAKERS = "SELECT carrier, operation, state <> 'closed' FROM deposits_breaker"


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the deposits at one moment. Ages in seconds, 0 when there is nothing to age."""

    open_by_state: dict[str, int]
    recent_by_state: dict[str, int]
    unknown_age_s: dict[str, float]
    review_age_s: float
    due_age_s: dict[str, float]
    takeovers: int
    unmatched: int
    #: (carrier, operation) → whether calls are held back.
    breakers: dict[tuple[str, str], bool]
    open_refunds: dict[str, int]
    #: Of what is to be sent or on its way, since it was approved; what waits for people is not in it.
    refund_age_s: dict[str, float]


def read() -> Figures:
    """Return the figures, the same from every process. Raises Django's database errors."""
    carriers = registry.registry().profiles
    since = first_id_at(timezone.now() - timedelta(seconds=RECENT_S))
    return Figures(
        open_by_state=dict.fromkeys(OPEN, 0) | dict(_rows(_BY_STATE, list(OPEN))),
        recent_by_state=dict.fromkeys(State.values, 0) | dict(_rows(_RECENT, since, _MOST_RECENT)),
        unknown_age_s=dict.fromkeys(carriers, 0.0) | dict(_rows(_OLDEST_UNKNOWN)),
        review_age_s=max(_first(_OLDEST_REVIEW), 0.0),
        due_age_s=dict(_rows(_DUE, list(carriers))),
        takeovers=int(_first(_TAKEOVERS)),
        unmatched=int(_first(_UNMATCHED, _MOST_UNMATCHED)),
        breakers={(carrier, operation): is_open for carrier, operation, is_open in _rows(_BREAKERS)},
        open_refunds=dict.fromkeys(OPEN_REFUNDS, 0) | dict(_rows(_REFUNDS)),
        refund_age_s=dict.fromkeys(carriers, 0.0) | dict(_rows(_OLDEST_REFUND)),
    )


def _rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _first(sql: str, *parameters: Any) -> float:
    rows = _rows(sql, *parameters)
    return float(rows[0][0] or 0) if rows else 0.0
