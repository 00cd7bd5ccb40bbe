"""Booking money: the one door to the ledger. Amounts in minor units; a positive posting adds to an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import LedgerAccount, Posting
from accounts.statement import Statement

_POST_ENTRIES = Statement(Path(__file__).parent / "sql" / "post_entries.sql")
Kind = LedgerAccount.Kind

#: Two for each carrier at most, and asked for at each credit.
_clearing_accounts: dict[tuple[str, str], int] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement to book: `postings` are (ledger account id, amount) and sum to zero."""

    kind: str
    source: UUID
    currency: str
    postings: tuple[tuple[int, int], ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something in the books that does not add up."""

    what: str
    detail: str


def post(entries: Sequence[Entry]) -> set[tuple[str, UUID]]:
    """Book `entries` and return the (kind, source) of those that were new. Call it inside a transaction.

    One that was booked before is silently left as it stands: its cause has had its effect.
    Raises IntegrityError, at the latest when the transaction commits, for an entry that does not sum to zero.
    """
    if not entries:
        return set()
    rows = _POST_ENTRIES.rows({"entries": msgspec.json.encode(entries).decode()})
    return {(row["kind"], row["source"]) for row in rows}


def player_account_id(player_id: int, currency: str) -> int:
    """Return the id of the player's ledger account in `currency`, which is opened on first use."""
    return _account_id(Kind.PLAYER, currency, player_id, "")


def clearing_account_id(carrier: str, currency: str) -> int:
    """Return the id of the account of what `carrier` took and has not yet paid out to us."""
    key = (carrier, currency)
    if (known := _clearing_accounts.get(key)) is not None:
        return known
    opened = _account_id(Kind.CARRIER_CLEARING, currency, None, carrier)
    # Remembered once it is certain to stay: this transaction may yet be undone, and the account with it.
    transaction.on_commit(lambda: _clearing_accounts.setdefault(key, opened))
    return opened


def unallocated_account_id(carrier: str, currency: str) -> int:
    """Return the id of the account of what `carrier` took and nobody has been credited with."""
    return _account_id(Kind.UNALLOCATED, currency, None, carrier)


def refunds_clearing_account_id(carrier: str, currency: str) -> int:
    """Return the id of the account of what is on its way back to players by way of `carrier`."""
    return _account_id(Kind.REFUNDS_CLEARING, currency, None, carrier)


def receivable_account_id(player_id: int, currency: str) -> int:
    """Return the id of the account of what the player owes after a reversal that the balance did not cover."""
    return _account_id(Kind.RECEIVABLE, currency, player_id, "")


def written_off_account_id(currency: str) -> int:
    """Return the id of the account of what two people gave up."""
    return _account_id(Kind.WRITTEN_OFF, currency, None, "")


def paid_out_account_id(currency: str) -> int:
    """Return the id of the account of what partners have paid back to players."""
    return _account_id(Kind.PAID_OUT, currency, None, "")


def _account_id(kind: LedgerAccount.Kind, currency: str, player_id: int | None, carrier: str) -> int:
    key: dict[str, Any] = {"kind": kind, "currency": currency, "player_id": player_id, "carrier": carrier}
    account, _ = LedgerAccount.objects.get_or_create(**key)
    return account.pk


def player_balance_minor(player_id: int, currency: str) -> int:
    """Return what the player has, in minor units; 0 before the first credit."""
    account = LedgerAccount.objects.filter(kind=Kind.PLAYER, currency=currency, player_id=player_id).first()
    return account.balance_minor if account else 0


def post_reversal(source: UUID, player_id: int, carrier: str, amount_minor: int, currency: str) -> bool:
    """Give back to the carrier what it took back, and return whether this was the first time.

    What the player's balance does not cover becomes a receivable: the books stay true and the balance never negative.
    """
    with transaction.atomic():
        account_id = player_account_id(player_id, currency)
        account = LedgerAccount.objects.select_for_update().get(pk=account_id)
        covered = min(amount_minor, max(account.balance_minor, 0))
        postings = [(account_id, -covered), (clearing_account_id(carrier, currency), amount_minor)]
        if amount_minor > covered:
            postings.append((receivable_account_id(player_id, currency), covered - amount_minor))
        entry = Entry(
            kind="deposit_reversal",
            source=source,
            currency=currency,
            postings=tuple(line for line in postings if line[1]),
            description="reversed by the carrier",
        )
        return bool(post([entry]))


def shortfall_minor(source: UUID) -> int:
    """Return what the player owes after the reversal of `source`: what the balance did not cover, in minor units."""
    lines = Posting.objects.filter(
        entry__kind="deposit_reversal", entry__source=source, account__kind=Kind.RECEIVABLE
    )
    return -(lines.aggregate(total=Sum("amount_minor"))["total"] or 0)


def verify() -> Iterable[Discrepancy]:
    """Recompute the books and yield whatever does not agree: entries that do not balance, balances that drifted."""
    checks = (
        (
            "entry does not balance",
            """SELECT entry_id, currency, sum(amount_minor) FROM accounts_posting
               GROUP BY entry_id, currency HAVING sum(amount_minor) <> 0""",
        ),
        (
            "entry without postings",
            """SELECT id FROM accounts_ledgerentry e
               WHERE NOT EXISTS (SELECT FROM accounts_posting WHERE entry_id = e.id)""",
        ),
        (
            "player's balance differs from the sum of its postings",
            """SELECT a.id, a.balance_minor, coalesce(sum(p.amount_minor), 0)
               FROM accounts_ledgeraccount a LEFT JOIN accounts_posting p ON p.account_id = a.id
               WHERE a.kind = 'player' GROUP BY a.id HAVING a.balance_minor <> coalesce(sum(p.amount_minor), 0)""",
        ),
    )
    with connection.cursor() as cursor:
        for what, sql in checks:
            cursor.execute(sql)
            for row in cursor.fetchall():
                yield Discrepancy(what, ", ".join(str(value) for value in row))


def balance_minor(account: LedgerAccount) -> int:
    """Return the sum of an account's postings, in minor units. Slow for a clearing account of a busy carrier."""
    total: int | None = account.postings.aggregate(total=Sum("amount_minor"))["total"]
    return total or 0
