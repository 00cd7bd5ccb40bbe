"""The player's list of deposits."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Player
from carriers import registry
from carriers.wording import fill
from deposits.formats import format_money
from deposits.models import Deposit
from deposits.presentation import carrier_name, money, status
from deposits.states import State
from deposits.ui.clock import clock
from deposits.ui.site import support_about

#: Older ones are asked of support.
_SHOWN = 50

_STATES = {
    "processing": gettext_noop("Waiting"),
    "action_required": gettext_noop("Needs a code"),
    "succeeded": gettext_noop("Deposited"),
    "failed": gettext_noop("Not deposited"),
    "cancelled": gettext_noop("Cancelled"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list, in words."""

    href: str
    help_href: str
    help: str
    reference: str
    amount: str
    method: str
    state: str
    tone: str
    when: str


def as_csv(player: Player) -> str:
    """Return the player's newest deposits as CSV (RFC 4180), newest first: times as ISO 8601, amounts in full."""
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow((_("reference"), _("time"), _("amount"), _("currency"), _("method"), _("state")))
    for deposit in _newest(player):
        whole, rest = divmod(deposit.amount_minor, 100)
        time = timezone.localtime(deposit.created_at).isoformat(timespec="seconds")
        method, state = method_words(deposit), state_words(deposit)
        lines.writerow((deposit.reference, time, f"{whole}.{rest:02}", deposit.currency, method, state))
    return file.getvalue()


def _newest(player: Player) -> Iterable[Deposit]:
    return Deposit.objects.filter(player=player).order_by("-created_at")[:_SHOWN]


def rows(player: Player) -> list[Row]:
    """Return the player's newest deposits, newest first."""
    now = timezone.now()
    return [_row(deposit, now) for deposit in _newest(player)]


def _row(deposit: Deposit, now: datetime) -> Row:
    amount, reference = format_money(deposit.amount_minor, deposit.currency), deposit.reference
    return Row(
        href=reverse("deposit-page", args=[reference]),
        help_href=support_about(reference),
        help=fill(_("Get help with {amount}, {reference}"), amount=amount, reference=reference),
        reference=reference,
        amount=amount,
        method=method_words(deposit),
        state=state_words(deposit),
        tone=status(deposit),
        when=clock(deposit.created_at, now),
    )


def method_words(deposit: Deposit) -> str:
    """Return how a deposit was paid: "Phone bill", "Sandbox Bank"."""
    return carrier_name(deposit.carrier) if deposit.method_type == registry.BANK else _("Phone bill")


def state_words(deposit: Deposit) -> str:
    """Return what became of a deposit, in a word or two."""
    by_bank = deposit.method_type == registry.BANK
    if deposit.reversed_at:
        return _("Taken back by the bank") if by_bank else _("Taken back by the network")
    if money(deposit) == "returned":
        return _("Returned")
    if by_bank and status(deposit) == "action_required":
        return _("Needs your approval")
    return _("Being checked") if deposit.state == State.REVIEW else _(_STATES[status(deposit)])
