"""The inbox of what carriers push to us: stored first, deduplicated, then used to wake an inquiry."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from deposits.models.deposit import Deposit


class CarrierNotification(models.Model):
    """One pushed message. It never credits; one for a payment that we do not know yet is kept and matched later."""

    carrier = models.CharField(max_length=40)
    source = models.CharField(max_length=300)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=120)
    payment_id = models.CharField(max_length=100, blank=True, default="")
    reference = models.CharField(max_length=64, blank=True, default="")
    body = models.TextField()
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, null=True, blank=True, related_name="notifications"
    )
    deliveries = models.PositiveIntegerField(default=1, db_default=1)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["carrier", "source", "event_id"], name="notification_once"),
        ]
        indexes = [
            models.Index(fields=["carrier", "payment_id"], name="notification_by_payment"),
            models.Index(
                fields=["received_at"], name="notification_unmatched", condition=models.Q(deposit=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
