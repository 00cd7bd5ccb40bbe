"""The double-entry ledger: integer minor units, append-only, every entry sums to zero per currency.

A posting adds its amount to one ledger account; money flows from the account with the negative posting to the one
with the positive. Triggers in the database refuse update, delete and truncate of entries and postings, and an entry
that does not sum to zero (migration 0002); corrections are reversing entries.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models.player import Player


class LedgerAccount(models.Model):
    """One side of the books in one currency. Never a person: that is a `Player`."""

    class Kind(models.TextChoices):
        PLAYER = "player", "player's balance"
        CARRIER_CLEARING = "carrier_clearing", "owed by a carrier (negative: it owes us)"
        UNALLOCATED = "unallocated", "taken by a carrier, not yet anybody's"
        REFUNDS_CLEARING = "refunds_clearing", "on its way back to players"
        RECEIVABLE = "receivable", "owed by a player after a reversal"
        WRITTEN_OFF = "written_off", "given up by two people"
        PAID_OUT = "paid_out", "paid back to players by partners"

    kind = models.CharField(max_length=20, choices=Kind)
    currency = models.CharField(max_length=3)
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_accounts"
    )
    carrier = models.CharField(max_length=40, blank=True, default="")
    # Kept for players' accounts only. Every other balance is the sum of its postings, so that no row is hot.
    balance_minor = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "currency", "player", "carrier"],
                name="ledger_account_key",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.player_id or self.carrier} {self.currency}"


class LedgerEntry(models.Model):
    """A balanced movement. Unique per kind and source: the same cause can be booked once only."""

    kind = models.CharField(max_length=30)
    source = models.UUIDField()
    description = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [models.UniqueConstraint(fields=["source", "kind"], name="ledger_entry_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Posting(models.Model):
    """One line of an entry: `amount_minor` is added to `account`."""

    # Checked by the trigger that checks the balance, once per statement; an entry can never be deleted.
    entry = models.ForeignKey(
        LedgerEntry, on_delete=models.PROTECT, related_name="postings", db_constraint=False
    )
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="postings")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(amount_minor=0), name="posting_not_zero")]

    def __str__(self) -> str:
        return f"{self.amount_minor:+} {self.currency}"
