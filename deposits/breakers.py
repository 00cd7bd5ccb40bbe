"""Breakers: what workers see of a carrier's operations, added up for all of them, and what follows from it.

A breaker decides when a deposit or refund is sent, never what became of it. The claim statements obey it (sql/claim.sql
and claim_refunds.sql): an open one lets one try now and then, a pause that the carrier asked for holds for every
worker, and what a carrier has already seen of deposits is repeated within a budget.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from django.db.models.functions import Now

from accounts.statement import Statement
from carriers import outcomes as carrier
from carriers import registry
from deposits.models import Breaker, Deposit, RefundAttempt
from deposits.retry import scaled

log = structlog.get_logger("deposits.breakers")

#: Opens when half of at least so many calls failed within the window, or when we were refused so often.
WINDOW_S = 10
ENOUGH_CALLS = 20
ENOUGH_REFUSALS = 3
#: An open breaker lets one deposit try this often.
PROBE_EVERY_S = 5
#: Repeats are a tenth of a minute's first calls, and so many in any case.
MINUTE_S = 60
REPEATS_ALWAYS = 60

#: The operation of sending refunds; asking about them is never held back.
REFUND = RefundAttempt.Step.REFUND.value

#: Outcomes that speak against the carrier; one that only asks us to slow down does not.
_FAILURES = (carrier.NotSent, carrier.Unknown, carrier.OurFault, carrier.NotDone)

#: While all goes well, what was seen is told to the others this often; bad news at once.
_TELL_EVERY_S = 1.0
#: Carriers that have left a call of this process without an answer since; and when one was last said to be back.
_silent: set[str] = set()
_back_at: dict[str, float] = {}
#: A carrier that fails now and then is not "back" each time.
_BACK_EVERY_S = 15
_OBSERVE = Statement(Path(__file__).parent / "sql" / "observe.sql")


class _Seen(msgspec.Struct):
    carrier: str
    operation: str
    calls: int = 0
    failures: int = 0
    refusals: int = 0
    first_calls: int = 0
    repeats: int = 0
    answered_probes: int = 0
    pause_s: float = 0.0


class Sightings:
    """What one worker has seen and not yet told the others."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._told_at = time.monotonic()
        self._urgent = False
        self._back: set[str] = set()

    def add(self, code: str, operation: str, outcome: carrier.Outcome, *, sends: int, probe: bool) -> None:
        """Count one ended call of `operation` at the carrier `code`.

        `sends`: how often the carrier had seen the deposit before. `probe`: it was sent to try an open breaker.
        """
        seen = self._seen.setdefault((code, operation), _Seen(code, operation))
        pause_s = (
            outcome.retry_after_s if isinstance(outcome, carrier.NotDone) and outcome.throttled else None
        )
        throttled = pause_s is not None
        failed = not throttled and isinstance(outcome, _FAILURES)
        seen.calls += 1
        seen.failures += failed
        seen.refusals += isinstance(outcome, carrier.OurFault)
        if operation == Deposit.Next.AUTHORISE:
            seen.first_calls += not sends
            seen.repeats += bool(sends)
        seen.answered_probes += probe and not failed and not throttled
        seen.pause_s = max(seen.pause_s, pause_s or 0.0)
        self._urgent |= failed or throttled or probe
        if isinstance(outcome, carrier.NotSent | carrier.Unknown):
            _silent.add(code)
        elif code in _silent:
            self._answers_again(code)

    def _answers_again(self, code: str) -> None:
        now = time.monotonic()
        if now - _back_at.get(code, -math.inf) > scaled(_BACK_EVERY_S):
            _back_at[code] = now
            _silent.discard(code)
            self._back.add(code)

    def back(self) -> set[str]:
        """Return the carriers (codes) that have answered again after silence since this was last asked."""
        found, self._back = self._back, set()
        return found

    def tell(self, *, all_of_it: bool = False) -> None:
        """Add what was seen to the breakers, unless it can wait. Raises Django's database errors."""
        waits = not self._urgent and time.monotonic() - self._told_at < _TELL_EVERY_S
        if not self._seen or (waits and not all_of_it):
            return
        seen, self._seen, self._urgent = list(self._seen.values()), {}, False
        self._told_at = time.monotonic()
        missing = _observe(seen)
        if missing:
            _make(Breaker(carrier=one.carrier, operation=one.operation) for one in missing)
            _observe(missing)


def shut(carriers: Iterable[str], operation: str) -> dict[str, str]:
    """Return those of `carriers` (codes) whose breaker for `operation` is not closed, each with the reason."""
    rows = Breaker.objects.filter(carrier__in=carriers, operation=operation).exclude(
        state=Breaker.State.CLOSED
    )
    return dict(rows.values_list("carrier", "reason"))


def held(carriers: Iterable[str], operation: str) -> dict[str, datetime | None]:
    """Return those of `carriers` (codes) that staff hold shut for `operation`, each with when they expect it back."""
    rows = Breaker.objects.filter(carrier__in=carriers, operation=operation, held=True)
    return dict(rows.values_list("carrier", "back_at"))


def make_known(carriers: Iterable[str]) -> None:
    """Make the breakers of `carriers` (codes) that are not there yet, so that staff can open one before it is used."""
    _make(Breaker(carrier=code, operation=operation) for code in carriers for operation in _operations(code))


def hold_open(breaker: Breaker, reason: str, back_at: datetime | None = None) -> None:
    """Open a breaker by hand: nothing is sent, and nothing tries, until a person closes it. `reason` is theirs.

    `back_at` is when they expect that; players are told, and nothing closes by itself.
    """
    Breaker.objects.filter(pk=breaker.pk).update(
        state=Breaker.State.OPEN, held=True, reason=reason[:300], back_at=back_at, changed_at=Now()
    )


def close(breaker: Breaker, reason: str) -> None:
    """Close a breaker by hand and forget what it has counted; new evidence may open it again. `reason` is theirs."""
    Breaker.objects.filter(pk=breaker.pk).update(
        state=Breaker.State.CLOSED,
        held=False,
        back_at=None,
        reason=reason[:300],
        changed_at=Now(),
        paused_until=None,
        window_started_at=Now(),
        calls=0,
        failures=0,
        refusals=0,
    )


def _operations(code: str) -> list[str]:
    return [*Deposit.Next.values, *([REFUND] if registry.offers_refunds(code) else [])]


def _make(breakers: Iterable[Breaker]) -> None:
    Breaker.objects.bulk_create(breakers, ignore_conflicts=True)


def _observe(seen: list[_Seen]) -> list[_Seen]:
    """Add `seen` to the breakers; return what is of breakers that do not exist yet."""
    parameters: dict[str, Any] = {
        "seen": msgspec.json.encode(seen).decode(),
        "window": timedelta(seconds=scaled(WINDOW_S)),
        "minute": timedelta(seconds=scaled(MINUTE_S)),
        "probe_every": timedelta(seconds=scaled(PROBE_EVERY_S)),
        "enough_calls": ENOUGH_CALLS,
        "enough_refusals": ENOUGH_REFUSALS,
    }
    rows = _OBSERVE.rows(parameters)
    for row in rows:
        if row["state"] != row["was"] and Breaker.State.CLOSED in (row["state"], row["was"]):
            say = log.info if row["state"] == Breaker.State.CLOSED else log.error
            say(
                "breaker_changed",
                carrier=row["carrier"],
                operation=row["operation"],
                state=row["state"],
                reason=row["reason"],
            )
    found = {(row["carrier"], row["operation"]) for row in rows}
    return [one for one in seen if (one.carrier, one.operation) not in found]
