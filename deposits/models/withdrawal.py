"""Withdrawals that partners have paid out to players: what went back to where it came from. Append-only by trigger."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import Player


class Withdrawal(models.Model):
    """One withdrawal, as the partner told us. The first columns name the source that it goes back to.

    Amounts are minor units. What is paid out beyond what is left of the source goes elsewhere: `rest_to` says where.
    """

    id = models.UUIDField(primary_key=True)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="withdrawals")
    method_type = models.CharField(max_length=20)
    carrier = models.CharField(max_length=40)
    phone_number = models.CharField(max_length=16, blank=True, default="")
    currency = models.CharField(max_length=3)

    amount_minor = models.BigIntegerField()
    # Of the amount, what counts as gone back to the source.
    returned_minor = models.BigIntegerField()
    rest_to = models.CharField(max_length=64, blank=True, default="")
    partner_reference = models.CharField(max_length=64, blank=True, default="")

    # Who told us, and under which key: "partner:7:live".
    client = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=255)
    idempotency_hash = models.BinaryField(max_length=32)
    actor = models.CharField(max_length=100, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "idempotency_key"], name="withdrawal_idempotency"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__range=(1, 100_000_000))
                & models.Q(returned_minor__gte=0)
                & models.Q(returned_minor__lte=models.F("amount_minor")),
                name="withdrawal_amounts",
            ),
            models.CheckConstraint(
                condition=models.Q(returned_minor=models.F("amount_minor")) | ~models.Q(rest_to=""),
                name="withdrawal_rest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
