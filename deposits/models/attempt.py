"""Each time a worker took a deposit to a carrier: written before the first byte leaves, completed with the answer."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from deposits.models.deposit import Deposit


class Attempt(models.Model):
    """One claim of one deposit. Until an answer is recorded its outcome is "unknown", which is the truth."""

    # No constraint in the database, for the same reason as an event's.
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, related_name="attempts", db_index=False, db_constraint=False
    )
    epoch = models.BigIntegerField()
    step = models.CharField(max_length=10, choices=Deposit.Next)
    worker = models.CharField(max_length=80)
    # By which route, and why that one; empty when it was the first and there was nothing to decide.
    carrier = models.CharField(max_length=40, blank=True, default="", db_default="")
    decision = models.CharField(max_length=400, blank=True, default="", db_default="")
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, default="unknown", db_default="unknown")
    detail = models.CharField(max_length=300, blank=True, default="", db_default="")
    # What went over the wire, redacted: [{method, path, status, request, answer, elapsed_ms, error}, …].
    exchanges = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["deposit", "epoch"], name="attempt_once_per_epoch")]

    def __str__(self) -> str:
        return f"{self.step} {self.epoch}: {self.outcome}"
