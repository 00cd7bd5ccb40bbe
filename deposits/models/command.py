"""What players and partners asked of a deposit after it was accepted, each under its own idempotency key."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from deposits.models.deposit import Deposit


class Command(models.Model):
    """A confirm or a cancel. The same key and body again is the same command; another body is refused."""

    class Kind(models.TextChoices):
        CONFIRM = "confirm", "confirm"
        CANCEL = "cancel", "cancel"

    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="commands")
    kind = models.CharField(max_length=10, choices=Kind)
    client = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=255)
    idempotency_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "idempotency_key"], name="command_idempotency")
        ]

    def __str__(self) -> str:
        return self.kind
