"""How a refund is told to people and partners: the same words in the API, the admin and on the player's page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from carriers.registry import BANK
from carriers.wording import fill
from deposits.formats import format_money
from deposits.models import Deposit, Refund
from deposits.presentation import as_time
from deposits.references import public_id, public_refund_id
from deposits.refund_states import FINAL, State

_STATUS = {State.RETURNED: "succeeded", State.REFUSED: "failed", State.FAILED: "failed"}
STATUSES = ("processing", "succeeded", "failed")


def status(refund: Refund) -> str:
    """Return the coarse state that partners act on: `STATUSES`."""
    return _STATUS.get(State(refund.state), "processing")


def as_object(refund: Refund) -> dict[str, Any]:
    """Return the refund as the API shows it. What staff wrote as their note stays with staff."""
    return {
        "id": public_refund_id(refund.id),
        "object": "refund",
        "reference": refund.reference,
        "deposit": public_id(refund.deposit_id),
        "deposit_reference": refund.deposit.reference,
        "status": status(refund),
        "amount": refund.amount_minor,
        "currency": refund.currency,
        "reason": refund.reason,
        "note": (refund.note or None) if refund.requested_by_id is None else None,
        "created_at": as_time(refund.created_at),
        "updated_at": as_time(refund.updated_at),
    }


def told_to_player(deposit: Deposit) -> str:
    """Return what the player reads about the refunds of a deposit; "" when nothing goes or went back."""
    on_its_way = sum(
        r.amount_minor for r in deposit.refunds.exclude(state__in=FINAL).exclude(state=State.REQUESTED)
    )
    told = []
    if deposit.refunded_minor:
        returned = format_money(deposit.refunded_minor, deposit.currency)
        if deposit.method_type == BANK:
            told.append(fill(_("{amount} has been returned to your bank account."), amount=returned))
        else:
            told.append(fill(_("{amount} has been returned to your phone bill."), amount=returned))
    if on_its_way:
        told.append(will_read(on_its_way, deposit))
    return " ".join(told)


def will_read(amount_minor: int, deposit: Deposit) -> str:
    """Return what the player will read while a refund of `amount_minor` is on its way, for whoever requests it."""
    if deposit.method_type == BANK:
        told = _("{amount} is on its way back to your bank account. It has been taken from your balance.")
    else:
        told = _("{amount} is on its way back to your phone bill. It has been taken from your balance.")
    return fill(told, amount=format_money(amount_minor, deposit.currency) if amount_minor else "")
