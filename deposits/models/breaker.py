"""The breaker of one operation at one carrier: what was seen of late, and whether anything may be sent."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Breaker(models.Model):
    """One row for each carrier and operation that has been called. Shared by all workers; the counts are recent ones.

    It only decides when a deposit is sent, never what became of it, so its counts may be lost without harm.
    """

    class State(models.TextChoices):
        """`half_open`: one deposit is trying whether the carrier is back."""

        CLOSED = "closed", "closed"
        OPEN = "open", "open"
        HALF_OPEN = "half_open", "half open"

    carrier = models.CharField(max_length=40)
    # A step of a deposit: authorise, confirm, cancel or inquire; or refund.
    operation = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State, default=State.CLOSED, db_default=State.CLOSED)
    # Opened by staff: no evidence closes it, only staff.
    held = models.BooleanField(default=False, db_default=False)
    # Why it is as it is: what was counted, or what a person said.
    reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    changed_at = models.DateTimeField(db_default=Now())
    # When staff who hold it open expect it to be closed again: what players are told, and nothing else.
    back_at = models.DateTimeField(null=True, blank=True)
    # When the next deposit may try an open breaker, and until when the carrier asked everybody to wait.
    probe_at = models.DateTimeField(db_default=Now())
    paused_until = models.DateTimeField(null=True, blank=True)

    window_started_at = models.DateTimeField(db_default=Now())
    calls = models.PositiveIntegerField(default=0, db_default=0)
    failures = models.PositiveIntegerField(default=0, db_default=0)
    # Refused for our own fault: wrong credentials, an address that is gone.
    refusals = models.PositiveIntegerField(default=0, db_default=0)

    # The retry budget: what was sent for the first time, and what was sent again, in the current minute.
    minute_started_at = models.DateTimeField(db_default=Now())
    first_calls = models.PositiveIntegerField(default=0, db_default=0)
    repeats = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["carrier", "operation"], name="breaker_once_per_operation")
        ]

    def __str__(self) -> str:
        return f"{self.carrier}: {self.operation}"
