"""Money on its way back to a player: taken from the balance first, then gone or put back. Amounts in minor units."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from accounts import ledger
from accounts.models import LedgerAccount, Posting

HELD, RETURNED, RELEASED = "refund_held", "refund_returned", "refund_released"


class BalanceTooLow(Exception):
    """The balance does not cover what is to go back; it is `balance_minor`. Nothing was booked."""

    def __init__(self, balance_minor: int) -> None:
        super().__init__(f"the balance is {balance_minor} minor units")
        self.balance_minor = balance_minor


def hold(
    source: UUID,
    player_id: int,
    carrier: str,
    amount_minor: int,
    currency: str,
    description: str,
    *,
    beyond_balance: bool = False,
) -> int:
    """Take `amount_minor` from the player's balance for the refund `source`; return what the balance did not cover.

    With `beyond_balance` the player owes that, otherwise `BalanceTooLow` is raised. Call it inside a transaction: the
    balance stays locked until its end.
    """
    assert connection.in_atomic_block
    account_id = ledger.player_account_id(player_id, currency)
    balance = LedgerAccount.objects.select_for_update().get(pk=account_id).balance_minor
    covered = min(amount_minor, max(balance, 0))
    if covered < amount_minor and not beyond_balance:
        raise BalanceTooLow(balance)
    postings = [
        (account_id, -covered),
        (ledger.refunds_clearing_account_id(carrier, currency), amount_minor),
    ]
    if covered < amount_minor:
        postings.append((ledger.receivable_account_id(player_id, currency), covered - amount_minor))
    ledger.post(
        [ledger.Entry(HELD, source, currency, tuple(line for line in postings if line[1]), description)]
    )
    return amount_minor - covered


def returned(source: UUID, carrier: str, amount_minor: int, currency: str, description: str) -> ledger.Entry:
    """Return the entry with which a refund leaves our hands: the carrier owes us so much less."""
    postings = (
        (ledger.refunds_clearing_account_id(carrier, currency), -amount_minor),
        (ledger.clearing_account_id(carrier, currency), amount_minor),
    )
    return ledger.Entry(RETURNED, source, currency, postings, description)


def released(source: UUID, currency: str, description: str) -> ledger.Entry:
    """Return the entry that puts a refund back to where it was taken from, line by line."""
    held = Posting.objects.filter(entry__kind=HELD, entry__source=source)
    postings = tuple((line.account_id, -line.amount_minor) for line in held)
    return ledger.Entry(RELEASED, source, currency, postings, description)
