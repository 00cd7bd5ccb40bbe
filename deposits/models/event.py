"""What happened to a deposit, in order. Append-only by trigger."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from deposits.models.deposit import Deposit
from deposits.states import Event, State


class DepositEvent(models.Model):
    """One thing that happened: which event, from where to where, by whom and why."""

    # No constraint in the database: the row comes from the statement that has just written or locked its deposit, and
    # triggers refuse to delete a deposit. Three checks a deposit would be a tenth of the database's work.
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="events", db_constraint=False)
    event = models.CharField(max_length=20, choices=Event)
    from_state = models.CharField(max_length=16, choices=State, blank=True, default="")
    to_state = models.CharField(max_length=16, choices=State)
    # "player", "partner", "worker", "carrier" or "staff", and which one.
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=80, blank=True, default="")
    detail = models.CharField(max_length=300, blank=True, default="")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            # What people are to look at, on the admin's first page. Rare, so that it costs the usual event nothing.
            models.Index(
                fields=["id"],
                name="event_alarms",
                condition=models.Q(event__in=["mismatch", "overdue", "refused", "reversed"]),
            ),
            # Counted at each look of the monitoring; nearly empty.
            models.Index(fields=["id"], name="event_takeovers", condition=models.Q(event="lease_lost")),
            # Looked at each second by the sweeper, which opens a case for each.
            models.Index(fields=["id"], name="event_late_success", condition=models.Q(event="late_success")),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.to_state}"
