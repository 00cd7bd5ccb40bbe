"""The player's list of deposits."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from accounts.models import Player
from carriers import registry
from deposits.models import Deposit
from deposits.presentation import carrier_name, format_money, money, status
from deposits.states import State
from deposits.ui.clock import clock
from deposits.ui.site import support_about

#: Older ones are asked of support.
_SHOWN = 50

_STATES = {
    "processing": "Waiting",
    "action_required": "Needs a code",
    "succeeded": "Deposited",
    "failed": "Not deposited",
    "cancelled": "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list, in words."""

    href: str
    help_href: str
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
    lines.writerow(("reference", "time", "amount", "currency", "method", "state"))
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
    return [
        Row(
            href=reverse("deposit-page", args=[deposit.reference]),
            help_href=support_about(deposit.reference),
            reference=deposit.reference,
            amount=format_money(deposit.amount_minor, deposit.currency),
            method=method_words(deposit),
            state=state_words(deposit),
            tone=status(deposit),
            when=clock(deposit.created_at, now),
        )
        for deposit in _newest(player)
    ]


def method_words(deposit: Deposit) -> str:
    """Return how a deposit was paid: "Phone bill", "Sandbox Bank"."""
    return carrier_name(deposit.carrier) if deposit.method_type == registry.BANK else "Phone bill"


def state_words(deposit: Deposit) -> str:
    """Return what became of a deposit, in a word or two."""
    by_bank = deposit.method_type == registry.BANK
    if deposit.reversed_at:
        return "Taken back by the bank" if by_bank else "Taken back by the network"
    if money(deposit) == "returned":
        return "Returned"
    if by_bank and status(deposit) == "action_required":
        return "Needs your approval"
    return "Being checked" if deposit.state == State.REVIEW else _STATES[status(deposit)]
