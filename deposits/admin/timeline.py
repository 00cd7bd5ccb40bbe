"""Everything that happened to one deposit, in order: from events, attempts, notifications, bookings and commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec

from accounts.models import LedgerEntry, Posting
from carriers.redaction import redact_text
from deposits.admin.words import network, span
from deposits.formats import format_money
from deposits.models import Attempt, CarrierNotification, Command, Deposit, DepositEvent

#: A deposit that has been asked about for days has many attempts; the newest of them are shown.
MOST_PER_KIND = 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a carrier with its answer, as they were stored: redacted, cut at the size limit."""

    method: str
    path: str
    status: str
    took: str
    request: str
    answer: str
    error: str


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One posting of a ledger entry, in words."""

    account_id: int
    account: str
    amount: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline. `rank` orders what has the same time; `since` is counted from the acceptance."""

    at: datetime
    rank: int
    since: str
    kind: str
    who: str
    what: str
    detail: str = ""
    from_state: str = ""
    to_state: str = ""
    to_state_text: str = ""
    exchanges: tuple[Exchange, ...] = ()
    lines: tuple[MoneyLine, ...] = ()
    body: str = field(default="", repr=False)


def timeline(deposit: Deposit) -> list[Moment]:
    """Return what happened to `deposit`, oldest first; at most `MOST_PER_KIND` rows of each kind, the newest."""
    moments = chain(
        _events(deposit), _attempts(deposit), _notifications(deposit), _bookings(deposit), _commands(deposit)
    )
    # Sorting is stable: what has the same time and rank stays in the order in which it was written.
    return sorted(moments, key=lambda moment: (moment.at, moment.rank))


def _events(deposit: Deposit) -> Iterator[Moment]:
    newest: list[DepositEvent] = list(deposit.events.order_by("-id")[:MOST_PER_KIND])
    for event in reversed(newest):
        moved = event.from_state != event.to_state
        yield Moment(
            at=event.at,
            rank=0 if event.event in ("accepted", "sending") else 3,
            since=_since(deposit, event.at),
            kind=event.actor_kind,
            who=_who(event.actor_kind, event.actor),
            what=event.get_event_display(),
            detail=event.detail,
            from_state=event.get_from_state_display() if moved else "",
            to_state=event.to_state if moved else "",
            to_state_text=event.get_to_state_display() if moved else "",
        )


def _attempts(deposit: Deposit) -> Iterator[Moment]:
    newest: list[Attempt] = list(deposit.attempts.order_by("-epoch")[:MOST_PER_KIND])
    for attempt in reversed(newest):
        if attempt.finished_at is None:
            outcome = "no answer recorded"
        else:
            took = span((attempt.finished_at - attempt.started_at).total_seconds())
            outcome = f"{attempt.outcome.replace('_', ' ')} after {took}"
        yield Moment(
            at=attempt.started_at,
            rank=1,
            since=_since(deposit, attempt.started_at),
            kind="worker",
            who=_who("worker", attempt.worker),
            what=f"Attempt {attempt.epoch}, {attempt.get_step_display()}: {outcome}",
            detail="; ".join(filter(None, (_route(attempt, deposit), attempt.detail))),
            exchanges=tuple(_exchange(given) for given in _listed(attempt.exchanges)),
        )


def _route(attempt: Attempt, deposit: Deposit) -> str:
    """By which carrier and why, where that is not plain: there was another route, or a decision."""
    other = attempt.carrier and attempt.carrier != deposit.carrier
    carrier = f"by {attempt.carrier}" if other or attempt.decision else ""
    return ": ".join(filter(None, (carrier, attempt.decision)))


def _notifications(deposit: Deposit) -> Iterator[Moment]:
    newest: list[CarrierNotification] = list(deposit.notifications.order_by("-id")[:MOST_PER_KIND])
    for notification in reversed(newest):
        times = f", delivered {notification.deliveries} times" if notification.deliveries > 1 else ""
        yield Moment(
            at=notification.received_at,
            rank=2,
            since=_since(deposit, notification.received_at),
            kind="carrier",
            who=_who("carrier", notification.carrier),
            what=f"Notification {notification.kind}{times}",
            detail=f"event {notification.event_id}",
            body=_readable(notification.body),
        )


def _bookings(deposit: Deposit) -> Iterator[Moment]:
    entries = LedgerEntry.objects.filter(source=deposit.pk).prefetch_related("postings__account__player")
    for entry in entries:
        yield Moment(
            at=entry.created_at,
            rank=4,
            since=_since(deposit, entry.created_at),
            kind="ledger",
            who="ledger",
            what=f"Booked: {entry.kind.replace('_', ' ')} (entry {entry.pk})",
            detail=entry.description if entry.description != deposit.reference else "",
            lines=tuple(_money_line(posting) for posting in entry.postings.all()),
        )


def _commands(deposit: Deposit) -> Iterator[Moment]:
    newest: list[Command] = list(deposit.commands.order_by("-id")[:MOST_PER_KIND])
    for command in reversed(newest):
        kind = command.client.partition(":")[0]
        yield Moment(
            at=command.created_at,
            rank=0,
            since=_since(deposit, command.created_at),
            kind=kind,
            who=_who(kind, command.client),
            what=f"Asked to {command.get_kind_display()}",
            detail=f"idempotency key {command.idempotency_key}",
        )


def _money_line(posting: Posting) -> MoneyLine:
    account = posting.account
    whose = account.player.external_id if account.player else network(account.carrier)
    sign = "+" if posting.amount_minor > 0 else "−"
    return MoneyLine(
        account_id=account.pk,
        account=f"{account.kind.replace('_', ' ')} · {whose}",
        amount=f"{sign}{format_money(abs(posting.amount_minor), posting.currency)}",
    )


def _exchange(given: Mapping[str, Any]) -> Exchange:
    took = given.get("elapsed_ms")
    return Exchange(
        method=str(given.get("method", "")),
        path=str(given.get("path", "")),
        status=str(given.get("status") or "no answer"),
        took=f"{took:.0f} ms" if isinstance(took, int | float) else "",
        request=_readable(given.get("request"), ours=True),
        answer=_readable(given.get("answer")),
        error=str(given.get("error") or ""),
    )


def _listed(stored: Any) -> list[Mapping[str, Any]]:
    return [given for given in stored if isinstance(given, Mapping)] if isinstance(stored, list) else []


def _readable(text: Any, *, ours: bool = False) -> str:
    """JSON with line breaks, anything else as it came; masked once more, because a rule may be younger than a row."""
    text = "" if text is None else str(text)
    with suppress(msgspec.DecodeError):
        text = msgspec.json.format(text.encode(), indent=2).decode() if text else ""
    return redact_text(text, ours=ours)


def _who(kind: str, actor: str) -> str:
    if kind == "carrier":
        return network(actor) if actor else "carrier"
    return f"{kind} {actor}" if actor and actor != kind else kind


def _since(deposit: Deposit, at: datetime) -> str:
    return f"+{span((at - deposit.created_at).total_seconds())}"
