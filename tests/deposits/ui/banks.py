"""Deposits from the sandbox's bank in the states that their player sees, and the browsers that come back from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from carriers import binding, registry
from deposits.actions.accept import accept
from deposits.models import Deposit
from deposits.states import State
from tests.deposits.making import bank_request
from tests.deposits.ui.visiting import put

BANK = "sandbox-bank"
APPROVAL = "https://bank.example/authorize?request=7f0c"


def from_bank(**changes: Any) -> Deposit:
    """Return a deposit of £20 from the sandbox's bank, just accepted."""
    return Deposit.objects.get(pk=accept(bank_request(BANK, **changes)).deposit.pk)


def awaiting_approval(deposit: Deposit, **fields: Any) -> Deposit:
    """Put `deposit` where its player has to approve it at the bank."""
    values: dict[str, Any] = {
        "consent_id": f"consent-{deposit.reference}",
        "action_url": APPROVAL,
        "action_expires_at": timezone.now() + timedelta(minutes=5),
        "next_step": Deposit.Next.INQUIRE,
        "next_action_at": timezone.now() + timedelta(minutes=1),
        **fields,
    }
    return put(deposit, State.ACTION_REQUIRED, **values)


def return_of(deposit: Deposit, **changes: str) -> dict[str, str]:
    """Return the parameters with which the bank sends a browser back: an approval, unless `changes` say otherwise."""
    profile = registry.profile(deposit.carrier)
    state = binding.state_for(profile.binding_secret, profile.code, deposit.reference)
    return {"state": state, "code": "an-approval", **changes}


def door(carrier: str = BANK) -> str:
    """Return the address that the bank sends browsers back to."""
    address = registry.profile(carrier).redirect_url
    return address.removeprefix(settings.BASE_URL)
