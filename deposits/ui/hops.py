"""What happened to a deposit, one line a hop, in the player's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from carriers.reasons import REASONS
from deposits.models import Deposit, DepositEvent
from deposits.states import Event, State
from deposits.ui.clock import clock

#: Enough for every story; what repeats itself is told once.
_SHOWN = 50

#: What a hop is called; an event that is not here is ours alone. Those that people look into read the same whatever the
#: cause is.
_WORDS = {
    Event.ACCEPTED: "You asked for it",
    Event.SENDING: "Sent to {network}",
    Event.REROUTED: "Sent another way",
    Event.CODE_REQUIRED: "{network} texted you a code",
    Event.CODE_ENTERED: "You entered a code",
    Event.CODE_REJECTED: "{network} asked for the code again",
    Event.REDIRECT_REQUIRED: "{network} was ready for your approval",
    Event.APPROVAL_RETURNED: "You came back from {network}",
    Event.PENDING: "{network} is working on it",
    Event.RESERVED: "{network} set the amount aside",
    Event.SILENCE: "{network} did not answer, so we asked again",
    Event.NOT_FOUND: "{network} did not know it yet, so we asked again",
    Event.CANCEL_REQUESTED: "You asked to cancel it",
    Event.APPROVED: "{network} said yes: it is in your balance",
    Event.SETTLED: "{network} confirmed it: it is in your balance",
    Event.STAFF_CREDITED: "Checked: it is in your balance",
    Event.DECLINED: "{network} said no",
    Event.CANCELLED: "Cancelled",
    Event.EXPIRED: "The time ran out",
    Event.BARRED: "Not sent",
    Event.TOMBSTONED: "Closed: nothing was taken",
    Event.MISMATCH: "We began to check it",
    Event.OVERDUE: "We began to check it",
    Event.SET_ASIDE: "We began to check it",
    Event.LATE_SUCCESS: "We began to check it",
    Event.STAFF_DECLINED: "Checked: not deposited",
    Event.STAFF_FAILED: "Checked: not deposited",
    Event.STAFF_KEPT: "Checked: not deposited",
    Event.REVERSED: "{network} took it back",
}


@dataclass(frozen=True, slots=True)
class Hop:
    """One line: what happened, and the time of day."""

    text: str
    at: str


def of(deposit: Deposit, network: str, now: datetime) -> list[Hop]:
    """Return what happened to `deposit`, oldest first."""
    events = DepositEvent.objects.filter(deposit=deposit).order_by("id")[:_SHOWN]
    return list(_told(deposit, network, now, list(events)))


def _told(deposit: Deposit, network: str, now: datetime, events: list[DepositEvent]) -> Iterator[Hop]:
    last = ""
    for event in events:
        text = _text(deposit, event, network)
        if text and text != last:
            yield Hop(text, clock(event.at, now))
            last = text


def _text(deposit: Deposit, event: DepositEvent, network: str) -> str:
    if event.event == Event.SENDING and event.from_state != State.RECEIVED:
        return ""  # asked again, or handed a code on: told by what came of it
    reason = REASONS.get(deposit.reason_code)
    if event.event == Event.DECLINED and reason is not None and "N" in reason.klass:
        return "Not deposited"
    words = _WORDS.get(Event(event.event)) if event.event in Event.values else None
    return words.format(network=network) if words else ""
