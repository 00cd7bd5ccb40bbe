"""What has been deposited of late by whom: one row per subject, from which every window of every rule is read."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from deposits.models.rule import Rule

#: The longest window of any rule fits in this; buckets that are older are forgotten when the row is next counted.
KEPT_DAYS = 40


class Accumulator(models.Model):
    """The deposits of one player, phone number or partner in one currency, in buckets of a minute. Minor units.

    One row, so that one row lock covers every window, and a new rule knows the past at once. A minute, because that
    is how exactly a time is told to a player: calendar windows begin at whole minutes, and what rolls out of a window
    does so at the end of its minute.

    The arrays go together. Accept reserves, a definite failure releases, success settles, an unknown outcome keeps.
    """

    subject_kind = models.CharField(max_length=12, choices=Rule.Subject)
    subject = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    # Minutes since 1970, in no order.
    minutes = ArrayField(models.IntegerField(), default=list)
    reserved = ArrayField(models.BigIntegerField(), default=list)
    settled = ArrayField(models.BigIntegerField(), default=list)
    # Refunds, reversals and withdrawals, in the minute in which they were made.
    returned = ArrayField(models.BigIntegerField(), default=list)
    counts = ArrayField(models.IntegerField(), default=list)
    # What the carrier last refused because of its own cap, and until when that much need not be asked again.
    refused_minor = models.BigIntegerField(null=True, blank=True)
    refused_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject", "currency"], name="accumulator_key")
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind}, {self.currency}"
