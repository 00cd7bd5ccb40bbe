"""The only writer of states: accept, claim and record, one SQL statement each (deposits/sql), and rare moves by people.

Whoever wants a deposit to change calls one of these. The table of legal moves is in states.py; the database refuses
the rest by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Value
from django.db.models.functions import Now, Random

from accounts.statement import Statement
from carriers.registers import registered_in
from deposits import limits, rules
from deposits.breakers import MINUTE_S, PROBE_EVERY_S, REPEATS_ALWAYS
from deposits.models import Deposit, DepositEvent
from deposits.models.accumulator import KEPT_DAYS
from deposits.retry import HASTENED_WITHIN_S, LONG_WAIT_S, scaled
from deposits.rules import Resolved
from deposits.states import CLAIMABLE, FINAL, NOTHING_TAKEN, Event, State, after

_SQL = Path(__file__).parent / "sql"
_ACCEPT = Statement(_SQL / "accept.sql")
_CLAIM = Statement(_SQL / "claim.sql")
_RECORD = Statement(_SQL / "record.sql")
_WAKE = Statement(_SQL / "wake.sql")
_REROUTE = Statement(_SQL / "reroute.sql")
_KEPT = timedelta(days=KEPT_DAYS)


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit to accept, complete. Amounts in minor units."""

    id: UUID
    reference: str
    partner_id: int
    player: str
    client: str
    idempotency_key: str
    idempotency_hash: bytes
    amount_minor: int
    currency: str
    method_type: str
    phone_number: str
    carrier: str
    counted_on: date
    rules: Resolved
    actor_kind: str
    actor: str
    key_id: int | None = None
    assume_proved: bool = False
    partner_reference: str = ""
    return_url: str = ""
    request_id: str = ""
    device: str = ""
    words: str = ""
    language: str = ""
    channel: str = "api"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the accept statement found and did. `barred`: why this player deposits nothing (the reason's code), or "".

    `fresh` false: other rules apply by now, and nothing was done. `asked_at` is when: the time of the row, too.
    """

    player_id: int
    barred: str
    fresh: bool
    asked_at: datetime
    created: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A deposit that this worker holds the lease of, as the claim left it."""

    id: UUID
    reference: str
    partner_id: int
    player_id: int
    amount_minor: int
    currency: str
    method_type: str
    phone_number: str
    carrier: str
    carrier_payment_id: str
    authorization_id: str
    one_time_code: str
    code_tries: int
    proof_needed: bool
    state: State
    step: Deposit.Next
    lease_epoch: int
    probe: bool
    bar: str
    register_due: bool
    tries: int
    sends: int
    bound: bool
    route_reason: str
    inquiries: int
    not_found_seen: int
    not_found_first_at: datetime | None
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    created_at: datetime
    action_expires_at: datetime | None
    reason_code: str
    request_id: str
    claimed_at: datetime
    taken_minor: int | None
    player_account_id: int | None
    player_sealed: str = ""
    """What the partner has told about the player (accounts/particulars.py), for banks only; "" where it has not."""
    consent_id: str = ""
    approval_code: str = ""
    credential: str = ""


class Result(msgspec.Struct, kw_only=True):
    """What an attempt came to, ready to be recorded. `event` decides the state, `next_in_s` is seconds or None."""

    id: UUID
    epoch: int
    event: str
    to_state: str
    outcome: str
    detail: str = ""
    reason_code: str = ""
    carrier_code: str = ""
    payment_id: str = ""
    authorization_id: str = ""
    consent_id: str = ""
    action_url: str = ""
    credential: str = ""
    approval_spent: bool = False
    action_expires_at: datetime | None = None
    code_tries: int = 0
    next_step: str = Deposit.Next.INQUIRE.value
    next_in_s: float | None = None
    not_found: bool = False
    taken_minor: int | None = None
    verified: bool = False
    nothing_taken: bool = False
    final: bool = False
    exchanges: Any = None


def accept(acceptances: Sequence[Acceptance], patience_ms: int | None = None) -> list[Accepted | None]:
    """Insert the deposits, each with its first event, and count them towards their limits; or change nothing at all.

    Returns for each None when the partner has no such player, or the API key may not be used any more. `created` is
    false when the idempotency key was used before, or `barred` says why the player may not deposit.
    `patience_ms`: for how long a lock is waited for, if not for as long as usual.
    Raises a database error for all of them, with SQLSTATE PSL01 when a limit would be passed, 55P03 when a lock was not
    to be had in time.
    """
    rules_said = list(dict.fromkeys(one.rules.encoded for one in acceptances))
    given = [
        {
            **msgspec.structs.asdict(one),
            "idempotency_hash": f"\\x{one.idempotency_hash.hex()}",
            "rules": 1 + rules_said.index(one.rules.encoded),
        }
        for one in acceptances
    ]
    rows = _ACCEPT.rows(
        {
            "deposits": msgspec.json.encode(given).decode(),
            "rules": f"[{','.join(rules_said)}]",
            "patience": None if patience_ms is None else f"{patience_ms}ms",
            "kept": _KEPT,
        }
    )
    found = {
        row["id"]: Accepted(
            row["player_id"],
            row["barred"],
            row["fresh"],
            datetime.fromtimestamp(row["asked_at"], UTC),
            row["created"],
        )
        for row in rows
    }
    return [found.get(one.id) for one in acceptances]


@dataclass(frozen=True, slots=True)
class Rerouting:
    """A deposit that another carrier is to take, and why."""

    id: UUID
    from_carrier: str
    to_carrier: str
    reason: str


def claim(batch: int, owner: str, rooms: Mapping[str, int]) -> list[Claimed]:
    """Lease up to `batch` due deposits to `owner` and write their attempt rows.

    `rooms`: how many conversations the worker may begin with each carrier (code); others are left alone. What a
    breaker, a pause or the retry budget forbids is left alone too.
    Commits by itself: call it outside any transaction, so that the row says "this may have happened" first.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a claim must commit before a byte leaves: call it outside a transaction")
    book, at = rules.recent()
    rows = _CLAIM.rows(
        {
            "batch": batch,
            "owner": owner,
            "lease": timedelta(seconds=settings.TIME_LIMITS.lease),
            "carriers": list(rooms),
            "rooms": list(rooms.values()),
            "states": list(CLAIMABLE),
            "checked_in": book.checked_in(at),
            "registered_in": registered_in(),
            "probe_every": timedelta(seconds=scaled(PROBE_EVERY_S)),
            "minute": timedelta(seconds=scaled(MINUTE_S)),
            "repeats_always": REPEATS_ALWAYS,
        }
    )
    return [
        Claimed(**{**row, "state": State(row["state"]), "step": Deposit.Next(row["step"])}) for row in rows
    ]


def result(claimed: Claimed, event: Event, *, outcome: str, **facts: Any) -> Result:
    """Build the result of an attempt: the state that `event` leads to, and what follows from the state.

    Raises `IllegalTransition` for an event that cannot happen to the deposit as it was claimed.
    """
    state = after(claimed.state, event)
    return Result(
        id=claimed.id,
        epoch=claimed.lease_epoch,
        event=event.value,
        to_state=state.value,
        outcome=outcome,
        # What an ended deposit had reserved was given back when it ended.
        nothing_taken=state in NOTHING_TAKEN and claimed.state not in FINAL,
        final=state in FINAL,
        **{"code_tries": claimed.code_tries, "taken_minor": claimed.taken_minor, **facts},
    )


def record(results: Sequence[Result]) -> set[tuple[UUID, int]]:
    """Write the results of a batch and return of which deposits, under which epoch, they counted.

    A deposit whose epoch has gone on is left alone: it has been claimed again, perhaps by this very worker, whose batch
    may then hold two results of one deposit. Call it inside a transaction together with the ledger entries of those
    that became `credited`.
    """
    rows = _RECORD.rows({"results": msgspec.json.encode(results).decode(), "kept": _KEPT})
    return {(row["id"], row["epoch"]) for row in rows}


def reroute(reroutings: Sequence[Rerouting]) -> list[UUID]:
    """Give deposits to other carriers; return the ids of those that went.

    One that may be with its carrier, or that a worker holds, stays where it is.
    """
    rows = _REROUTE.rows({"given": msgspec.json.encode(reroutings).decode()})
    return [row["id"] for row in rows]


def hasten(carrier: str) -> int:
    """Ask soon about deposits of unknown outcome that have a long wait before them, because `carrier` (code) is back.

    Returns how many; each within a few seconds, not all at once.
    """
    soon = Value(timedelta(seconds=scaled(HASTENED_WITHIN_S)))
    within = ExpressionWrapper(soon * Random(), output_field=DurationField())
    waiting = Deposit.objects.filter(
        carrier=carrier,
        state=State.UNKNOWN,
        lease_owner="",
        next_action_at__gt=Now() + timedelta(seconds=scaled(LONG_WAIT_S)),
    )
    return waiting.update(next_action_at=Now() + within)


def wake(deposit_id: UUID, detail: str, carrier: str) -> bool:
    """Make an inquiry due at once, because a notification says that there is news. Returns whether the row exists.

    A worker that holds the lease keeps it; the row is due again as soon as it has recorded its answer.
    """
    return bool(_WAKE.rows({"id": deposit_id, "detail": detail[:300], "carrier": carrier}))


def move(
    deposit: Deposit, event: Event, *, actor_kind: str, actor: str, detail: str = "", **fields: Any
) -> None:
    """Apply `event` to a deposit whose row the caller has locked, for what people ask and settlement files say.

    `fields` are further columns to set. A worker that holds the lease loses it: what it still hears is kept on its
    attempt and moves nothing. Raises `IllegalTransition`.
    """
    was = State(deposit.state)
    state = after(was, event)
    changes: dict[str, Any] = {"state": state.value, "updated_at": Now(), **fields}
    if deposit.lease_owner:
        changes |= {"lease_owner": "", "lease_epoch": F("lease_epoch") + 1}
    if state in FINAL and was not in FINAL:
        changes |= {"resolved_at": Now(), "next_action_at": None, "approval_code": "", "credential": ""}
    if state in NOTHING_TAKEN and was not in FINAL:
        limits.release(deposit)
    elif state == State.CREDITED and was != State.CREDITED:
        limits.settle(deposit)
    Deposit.objects.filter(pk=deposit.pk).update(**changes)
    DepositEvent.objects.create(
        deposit=deposit,
        event=event.value,
        from_state=was.value,
        to_state=state.value,
        actor_kind=actor_kind,
        actor=actor,
        detail=detail[:300],
    )
    deposit.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('deposits', %s)", [deposit.reference])
