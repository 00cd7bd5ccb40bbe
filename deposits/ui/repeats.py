"""A form sent twice, and a deposit just like one that still waits: said plainly, and never charged by accident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from carriers.registry import BANK
from carriers.wording import fill
from deposits.actions.accept import DepositRequest
from deposits.formats import format_money
from deposits.models import Deposit
from deposits.presentation import carrier_name, status
from deposits.states import State
from deposits.ui import held_post
from deposits.ui.clock import clock
from deposits.ui.forms import amount_minor
from deposits.ui.offer import Offer
from deposits.ui.panel import plain

#: A second tap within this long of the first was no second thought.
_DOUBLE_CLICK = timedelta(seconds=3)
#: Another deposit of the same amount from the same phone or bank is asked about while the first waits, for this long.
_ASK_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Question:
    """S17 or S18: what was done before, and the amount that the player may send now (None: nothing to send).

    `asked`: the answer to the question goes with the form.
    """

    title: str
    heading: str
    lines: tuple[str, ...]
    label: str
    amount: str
    sends_first: bool
    asked: bool


def is_double_click(deposit: Deposit, now: datetime) -> bool:
    """Whether a repeat at `now` is still the tap that made the deposit."""
    return now - deposit.created_at < _DOUBLE_CLICK


def just_like_it(offered: Offer, request: DepositRequest) -> Deposit | None:
    """Return a deposit of the same amount from the same phone or bank that was made just now and still waits."""
    since = timezone.now() - _ASK_WITHIN
    asked = (request.amount_minor, request.method_type, request.phone_number)
    for deposit in offered.waiting:
        same = (deposit.amount_minor, deposit.method_type, deposit.phone_number) == asked
        if request.bank_id and deposit.carrier != request.bank_id:
            continue
        if same and deposit.created_at > since:
            return deposit
    return None


def already_sent(deposit: Deposit, wanted: str, now: datetime) -> Question:
    """S17, for a spent key: `wanted` is the amount that the form asked for this time."""
    done = format_money(deposit.amount_minor, deposit.currency, short=True)
    at = clock(deposit.created_at, now)
    minor = amount_minor(wanted) or deposit.amount_minor
    again = format_money(minor, deposit.currency, short=True)
    if deposit.state == State.CREDITED:
        sent = _("You already deposited {amount} at {time}")
        title = _("You already deposited {amount} at {time} – nothing new was sent")
    else:
        sent = _("You already sent this deposit of {amount} at {time}")
        title = _("You already sent this deposit of {amount} at {time} – nothing new was sent")
    what = fill(_("Reference {reference}. Nothing new was sent."), reference=deposit.reference)
    label = _("Deposit {amount} again") if minor == deposit.amount_minor else _("Deposit {amount}")
    waits = held_post.is_worked_on(deposit) or deposit.state == State.REVIEW
    lines = (_("It is still waiting."), what) if waits else (what,)
    return Question(
        title=fill(title, amount=done, time=at),
        heading=fill(sent, amount=done, time=at),
        lines=lines,
        label=fill(label, amount=again),
        amount="" if status(deposit) == "action_required" else plain(minor),
        sends_first=not waits,
        asked=waits,
    )


def still_waiting(deposit: Deposit, wanted: str, now: datetime) -> Question:
    """S18, for a deposit just like one that still waits."""
    amount = format_money(deposit.amount_minor, deposit.currency, short=True)
    minor = amount_minor(wanted) or deposit.amount_minor
    another = format_money(minor, deposit.currency, short=True)
    if deposit.method_type == BANK:
        heading = _("{amount} from {bank} is still waiting")
    else:
        heading = _("{amount} by phone bill is still waiting")
    return Question(
        title=fill(_("{amount} is still waiting"), amount=amount),
        heading=fill(heading, amount=amount, bank=carrier_name(deposit.carrier)),
        lines=(fill(_("You sent it at {time}. Nothing new was sent."), time=clock(deposit.created_at, now)),),
        label=fill(_("Deposit another {amount}"), amount=another),
        amount=plain(minor),
        sends_first=False,
        asked=True,
    )
