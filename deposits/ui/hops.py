"""What happened to a deposit, one line a hop, in the player's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from carriers.reasons import REASONS
from carriers.wording import fill
from deposits.models import Deposit, DepositEvent
from deposits.states import Event, State
from deposits.ui.clock import clock

#: Enough for every story; what repeats itself is told once.
_SHOWN = 50

#: What a hop is called; an event that is not here is ours alone. Those that people look into read the same whatever the
#: cause is.
_WORDS = {
    Event.ACCEPTED: gettext_noop("You asked for it"),
    Event.SENDING: gettext_noop("Sent to {network}"),
    Event.REROUTED: gettext_noop("Sent another way"),
    Event.CODE_REQUIRED: gettext_noop("{network} texted you a code"),
    Event.CODE_ENTERED: gettext_noop("You entered a code"),
    Event.CODE_REJECTED: gettext_noop("{network} asked for the code again"),
    Event.REDIRECT_REQUIRED: gettext_noop("{network} was ready for your approval"),
    Event.APPROVAL_RETURNED: gettext_noop("You came back from {network}"),
    Event.PENDING: gettext_noop("{network} is working on it"),
    Event.RESERVED: gettext_noop("{network} set the amount aside"),
    Event.SILENCE: gettext_noop("{network} did not answer, so we asked again"),
    Event.NOT_FOUND: gettext_noop("{network} did not know it yet, so we asked again"),
    Event.CANCEL_REQUESTED: gettext_noop("You asked to cancel it"),
    Event.APPROVED: gettext_noop("{network} said yes: it is in your balance"),
    Event.SETTLED: gettext_noop("{network} confirmed it: it is in your balance"),
    Event.STAFF_CREDITED: gettext_noop("Checked: it is in your balance"),
    Event.DECLINED: gettext_noop("{network} said no"),
    Event.CANCELLED: gettext_noop("Cancelled"),
    Event.EXPIRED: gettext_noop("The time ran out"),
    Event.BARRED: gettext_noop("Not sent"),
    Event.TOMBSTONED: gettext_noop("Closed: nothing was taken"),
    Event.MISMATCH: gettext_noop("We began to check it"),
    Event.OVERDUE: gettext_noop("We began to check it"),
    Event.SET_ASIDE: gettext_noop("We began to check it"),
    Event.LATE_SUCCESS: gettext_noop("We began to check it"),
    Event.STAFF_DECLINED: gettext_noop("Checked: not deposited"),
    Event.STAFF_FAILED: gettext_noop("Checked: not deposited"),
    Event.STAFF_KEPT: gettext_noop("Checked: not deposited"),
    Event.REVERSED: gettext_noop("{network} took it back"),
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
        return _("Not deposited")
    words = _WORDS.get(Event(event.event)) if event.event in Event.values else None
    return fill(_(words), network=network) if words else ""
