"""The only writer of the states of refunds: claim and record, one SQL statement each (deposits/sql), and rare moves.

The table of legal moves is in refund_states.py; the database refuses the rest by itself. As for deposits, a claim
commits before a byte leaves, and a result counts only while the epoch of its attempt is still the refund's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from accounts.statement import Statement
from deposits import breakers, retry
from deposits.models import Refund, RefundAttempt, RefundEvent
from deposits.refund_states import ASKED_ABOUT, CLAIMABLE, FINAL, Event, State, after

_SQL = Path(__file__).parent / "sql"
_CLAIM = Statement(_SQL / "claim_refunds.sql")
_RECORD = Statement(_SQL / "record_refunds.sql")
Step = RefundAttempt.Step


@dataclass(frozen=True, slots=True)
class ClaimedRefund:
    """A refund that this worker holds the lease of, as the claim left it, with what its deposit tells the carrier."""

    id: UUID
    reference: str
    deposit_id: UUID
    carrier: str
    amount_minor: int
    currency: str
    state: State
    step: RefundAttempt.Step
    probe: bool
    lease_epoch: int
    tries: int
    inquiries: int
    in_doubt: bool
    not_found_seen: int
    not_found_first_at: datetime | None
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    carrier_refund_id: str
    carrier_code: str
    approved_at: datetime
    request_id: str
    claimed_at: datetime
    deposit_reference: str
    payment_id: str
    phone_number: str
    paid_minor: int


class RefundResult(msgspec.Struct, kw_only=True):
    """What an attempt came to, ready to be recorded. `event` decides the state, `next_in_s` is seconds or None."""

    id: UUID
    epoch: int
    event: str
    to_state: str
    outcome: str
    detail: str = ""
    carrier_code: str = ""
    refund_id: str = ""
    next_in_s: float | None = None
    not_found: bool = False
    doubtful: bool = False
    final: bool = False
    exchanges: Any = None


def claim(batch: int, owner: str, rooms: Mapping[str, int]) -> list[ClaimedRefund]:
    """Lease up to `batch` due refunds to `owner` and write their attempt rows.

    `rooms`: how many conversations the worker may begin with each carrier (code); others are left alone. Commits by
    itself: call it outside any transaction, so that the row says "this may have happened" first.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a claim must commit before a byte leaves: call it outside a transaction")
    rows = _CLAIM.rows(
        {
            "batch": batch,
            "owner": owner,
            "lease": timedelta(seconds=settings.TIME_LIMITS.lease),
            "carriers": list(rooms),
            "rooms": list(rooms.values()),
            "states": list(CLAIMABLE),
            "probe_every": timedelta(seconds=retry.scaled(breakers.PROBE_EVERY_S)),
        }
    )
    return [ClaimedRefund(**{**row, "state": State(row["state"]), "step": Step(row["step"])}) for row in rows]


def result(claimed: ClaimedRefund, event: Event, *, outcome: str, **facts: Any) -> RefundResult:
    """Build the result of an attempt: the state that `event` leads to, and what follows from the state.

    Raises `IllegalTransition` for an event that cannot happen to the refund as it was claimed.
    """
    state = after(claimed.state, event)
    return RefundResult(
        id=claimed.id,
        epoch=claimed.lease_epoch,
        event=event.value,
        to_state=state.value,
        outcome=outcome,
        final=state in FINAL,
        **facts,
    )


def record(results: Sequence[RefundResult]) -> set[tuple[UUID, int]]:
    """Write the results of a batch and return of which refunds, under which epoch, they counted.

    Call it inside a transaction together with the ledger entries of those that ended.
    """
    rows = _RECORD.rows({"results": msgspec.json.encode(results).decode()})
    return {(row["id"], row["epoch"]) for row in rows}


def begin(refund: Refund, *, actor_kind: str, actor: str) -> None:
    """Insert `refund`, complete but for its times, with its first event. It begins as requested or approved.

    Raises a database error with SQLSTATE PSR01 when it is above what is left of its deposit.
    """
    refund.save(force_insert=True)
    refund.refresh_from_db()
    RefundEvent.objects.create(
        refund=refund,
        event=Event.REQUESTED,
        to_state=refund.state,
        actor_kind=actor_kind,
        actor=actor[:80],
        detail=refund.note,
    )
    _tell(refund)


def move(
    refund: Refund, event: Event, *, actor_kind: str, actor: str, detail: str = "", **fields: Any
) -> None:
    """Apply `event` to a refund whose row the caller has locked, for what people decide and clocks end.

    `fields` are further columns to set. A worker that holds the lease loses it. Raises `IllegalTransition`.
    """
    was = State(refund.state)
    state = after(was, event)
    changes: dict[str, Any] = {"state": state.value, "updated_at": Now(), **fields}
    if refund.lease_owner:
        changes |= {"lease_owner": "", "lease_epoch": F("lease_epoch") + 1}
    if state in FINAL:
        changes |= {"resolved_at": Now(), "next_action_at": None}
    Refund.objects.filter(pk=refund.pk).update(**changes)
    RefundEvent.objects.create(
        refund=refund,
        event=event.value,
        from_state=was.value,
        to_state=state.value,
        actor_kind=actor_kind,
        actor=actor[:80],
        detail=detail[:500],
    )
    refund.refresh_from_db()
    _tell(refund)


def wake(refund: Refund) -> None:
    """Make the inquiry of a refund due at once, without taking it from a worker that holds the lease."""
    Refund.objects.filter(pk=refund.pk, lease_owner="", state__in=ASKED_ABOUT).update(next_action_at=Now())


def _tell(refund: Refund) -> None:
    """Wake the live view of its deposit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('deposits', %s)", [refund.deposit.reference])
