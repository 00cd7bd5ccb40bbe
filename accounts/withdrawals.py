"""Withdrawals that a partner has paid out: the player has so much less. Amounts in minor units."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from accounts import ledger
from accounts.models import LedgerAccount

PAID_OUT = "withdrawal"


def lock_balances(player_id: int) -> dict[str, int]:
    """Return what the player has, by currency, locked until the end of the caller's transaction."""
    assert connection.in_atomic_block
    accounts = LedgerAccount.objects.filter(kind=LedgerAccount.Kind.PLAYER, player_id=player_id)
    return {one.currency: one.balance_minor for one in accounts.order_by("pk").select_for_update()}


def paid_out(source: UUID, player_id: int, amount_minor: int, currency: str, balance_minor: int) -> None:
    """Take what the partner has paid out from the balance, as far as it goes: the rest was won, not deposited.

    Call it with the balance that `lock_balances` has returned, in the same transaction.
    """
    covered = min(amount_minor, max(balance_minor, 0))
    if not covered:
        return
    postings = (
        (ledger.player_account_id(player_id, currency), -covered),
        (ledger.paid_out_account_id(currency), covered),
    )
    ledger.post([ledger.Entry(PAID_OUT, source, currency, postings, "paid out by the partner")])
