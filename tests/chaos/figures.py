"""What a run measured, from the product's own history and the times at which the nemesis took something away."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from carriers.sandbox.errors import TOO_MANY_REQUESTS
from tests.chaos.nemesis import Window

#: Deposits accepted from this long before Redis was wiped until this long after are compared with all the others.
_AROUND_WIPE_S = (0.5, 3.0)

_EVENTS = """
SELECT d.reference, e.event, e.from_state, e.to_state, extract(epoch FROM e.at)::float8 AS at
FROM deposits_depositevent AS e JOIN deposits_deposit AS d ON d.id = e.deposit_id ORDER BY e.deposit_id, e.id
"""
#: For how long each first order waited because its carrier had answered 429, with Retry-After, to another one.
_TOLD_TO_WAIT = """
WITH told AS (
    SELECT carrier, range_agg(tstzrange(finished_at, finished_at + make_interval(secs => %(retry_after_s)s))) AS times
    FROM deposits_attempt WHERE step = 'authorise' AND detail LIKE '429 %%' GROUP BY carrier
), waited AS (
    SELECT deposit_id, tstzrange(min(at) FILTER (WHERE event = 'accepted'),
        min(at) FILTER (WHERE event = 'sending')) AS time
    FROM deposits_depositevent GROUP BY deposit_id HAVING bool_or(event = 'sending')
)
SELECT d.reference, sum(extract(epoch FROM upper(part) - lower(part)))::float8
FROM waited JOIN deposits_deposit AS d ON d.id = waited.deposit_id JOIN told USING (carrier)
CROSS JOIN LATERAL unnest(told.times * tstzmultirange(waited.time)) AS part GROUP BY d.reference
"""
History = list[tuple[str, str, str, float]]


def histories(database: psycopg.Connection[Any]) -> dict[str, History]:
    """Return what happened to each deposit: (event, from state, to state, seconds since 1970), in order."""
    found: dict[str, History] = defaultdict(list)
    for reference, event, was, state, at in database.execute(_EVENTS):
        found[reference].append((event, was, state, at))
    return found


def told_to_wait_s(database: psycopg.Connection[Any]) -> dict[str, float]:
    """Return for how many seconds each deposit waited, before it was first sent, because its carrier asked for it."""
    retry_after_s = int(dict(TOO_MANY_REQUESTS.headers)["Retry-After"])
    return dict(database.execute(_TOLD_TO_WAIT, {"retry_after_s": retry_after_s}).fetchall())


def unknown_resolved_s(
    found: dict[str, History], charged_at: dict[str, float], away: list[Window]
) -> tuple[list[float], list[float]]:
    """Return how long outcomes stayed unknown, in seconds: of those charged, and of those not charged.

    A deposit becomes unknown when it is so written, and, where its worker died, already when that worker claimed it:
    the dead worker's lease counts. It is resolved by the first event that leads out of `unknown` again. The clock
    starts when the carrier would answer: at the end of the last outage within that time, and not before the carrier
    has made up its mind (charged, for a charge that comes late). Where the carrier had charged nothing, the rule that
    "not found" must be heard twice, apart, and past the horizon sets the time; those are told separately.
    """
    charged: list[float] = []
    never_charged: list[float] = []
    for reference, history in found.items():
        charged_s = charged_at.get(reference, math.inf)
        for since, until in _unknown_spans(history):
            taken = charged_s < until
            since = max(since, charged_s) if taken else since
            for window in away:
                if window.since < until and since < window.until:
                    since = window.until
            (charged if taken else never_charged).append(max(until - since, 0.0))
    return charged, never_charged


def _unknown_spans(history: History) -> list[tuple[float, float]]:
    spans, since, claimed = [], 0.0, 0.0
    for event, was, state, at in history:
        if event == "sending":
            claimed = at
        if state == "unknown" and was != "unknown":
            since = claimed if event == "lease_lost" else at
        elif was == "unknown" and state != "unknown":
            spans.append((since, at))
    return spans


def extra_delay_after_wipe_s(
    found: dict[str, History], wiped: list[Window], other: list[Window], told_to_wait: Mapping[str, float]
) -> list[float]:
    """Return how much longer than usual deposits waited for a worker when they were accepted around a wipe of Redis.

    The usual wait is the median of those accepted while nothing was away (`wiped` and `other`). What a deposit waited
    because its carrier had asked for it (`told_to_wait`, seconds by reference) has nothing to do with Redis.
    """
    before_s, after_s = _AROUND_WIPE_S
    usual, around = [], []
    for reference, history in found.items():
        accepted = next((at for event, _, _, at in history if event == "accepted"), None)
        sent = next((at for event, _, _, at in history if event == "sending"), None)
        if accepted is None or sent is None:
            continue
        if any(window.since - before_s <= accepted <= window.until + after_s for window in wiped):
            around.append(sent - accepted - told_to_wait.get(reference, 0.0))
        elif not any(window.since - 1 <= accepted <= window.until + 5 for window in other):
            usual.append(sent - accepted)
    median = percentile(usual, 50)
    return [max(waited - median, 0.0) for waited in around]


def lease_takeovers(found: dict[str, History]) -> int:
    """Return how often a deposit was taken over from a worker that had died."""
    return sum(event == "lease_lost" for history in found.values() for event, _, _, _ in history)


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` percent are not above, 0 for no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else 0.0


def charge_times(charges: list[dict[str, Any]]) -> dict[str, float]:
    """Return when the carrier charged each reference, in seconds since 1970."""
    return {
        line["reference"]: datetime.fromisoformat(line["at"]).timestamp()
        for line in charges
        if line["kind"] == "charge"
    }
