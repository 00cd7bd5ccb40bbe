"""What a player was told and agreed to when a deposit was accepted. Append-only by trigger."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from deposits.models.deposit import Deposit


class Consent(models.Model):
    """The evidence of one deposit: the words of the button and the rules by which it was accepted.

    Price and number are the deposit's own and never change; what became of a code is in its events.
    """

    # No constraint in the database: the row comes from the statement that has just written its deposit.
    deposit = models.OneToOneField(
        Deposit, on_delete=models.PROTECT, primary_key=True, related_name="consent", db_constraint=False
    )
    # Empty: the words were the partner's, who did not tell.
    words = models.CharField(max_length=300, blank=True, default="")
    language = models.CharField(max_length=12, blank=True, default="")
    # "page" or "api".
    channel = models.CharField(max_length=8)
    rules = ArrayField(models.BigIntegerField(), default=list)
    # The player's own limits at that moment, in minor units: 24 hours, 7 days, one month.
    own_limits = ArrayField(models.BigIntegerField(null=True), default=list)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.channel}: {self.words}"
