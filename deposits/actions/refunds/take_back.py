"""A player takes back a deposit that went through against his will: after he cancelled it, or after it had ended.

All of it, once, while it is fresh and the balance covers it, to where it came from. Everything else is for staff.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from accounts import ledger
from accounts.models import LedgerEntry
from carriers import registry
from deposits import retry
from deposits.actions.command import Caller
from deposits.actions.refunds.request import RefundRequest, credited_minor, request
from deposits.actions.refusal import NotPossibleNow
from deposits.models import Deposit, Refund

#: For this long after the credit a player may take it back without staff.
TAKE_BACK_WITHIN_S = 3_600


def may_take_back(deposit: Deposit) -> bool:
    """Whether `take_back` would be accepted for the deposit as it was read."""
    amount_minor = credited_minor(deposit)
    if not amount_minor or not registry.offers_refunds(deposit.carrier):
        return False
    fresh_since = Now() - timedelta(seconds=retry.scaled(TAKE_BACK_WITHIN_S))
    return (
        LedgerEntry.objects.filter(source=deposit.pk, created_at__gte=fresh_since).exists()
        and not deposit.refunds.exists()
        and ledger.player_balance_minor(deposit.player_id, deposit.currency) >= amount_minor
    )


def take_back(deposit: Deposit, caller: Caller, idempotency_key: str) -> Refund:
    """Have all of `deposit` given back to where it came from, once per client and key; return the refund.

    Raises `NotPossibleNow` when it is too long ago, spent, or has been refunded before, and what `request` raises.
    """
    known = Refund.objects.filter(client=caller.client, idempotency_key=idempotency_key).exists()
    if not known and not may_take_back(deposit):
        raise NotPossibleNow(
            "It cannot be taken back any more: it is too long ago, spent, or refunded already."
        )
    return request(
        RefundRequest(
            deposit_id=deposit.pk,
            amount_minor=None,
            reason=Refund.Reason.PLAYER_REQUEST,
            note="",
            caller=caller,
            idempotency_key=idempotency_key,
        )
    ).refund
