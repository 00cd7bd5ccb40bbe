"""Cases: what only people can settle, each with an owner, a deadline and its evidence."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from deposits.models.deposit import Deposit


class Case(models.Model):
    """One question for people, opened once per kind and subject. Two different people close it.

    A trigger keeps what a case is about, refuses to open a closed one again, and refuses deletion.
    """

    class Kind(models.TextChoices):
        UNANSWERED = "unanswered", "unanswered for too long"
        MISMATCH = "mismatch", "carrier took something else"
        LATE_SUCCESS = "late_success", "taken after it had ended"
        POISON = "poison", "its processing comes to nothing"
        REVERSAL_SHORTFALL = "reversal_shortfall", "reversed, and already spent"
        SETTLEMENT_DIFFERENCE = "settlement_difference", "settlement file differs"
        UNMATCHED_NOTIFICATION = "unmatched_notification", "notification about a payment unknown to us"
        REFUND = "refund", "refund without a clear end"
        VULNERABILITY = "vulnerability", "player past the vulnerability threshold"

    class State(models.TextChoices):
        OPEN = "open", "open"
        PROPOSED = "proposed", "waits for a second person"
        CLOSED = "closed", "closed"

    class Resolution(models.TextChoices):
        CREDITED = "credited", "credit the player with what was taken"
        FAILED = "failed", "nothing was taken"
        DECLINED = "declined", "the carrier declined it, nothing was taken"
        KEPT = "kept", "keep what was taken, to be returned"
        WRITTEN_OFF = "written_off", "give up what is owed"
        EXPLAINED = "explained", "explained, nothing to book"
        ANSWERED = "answered", "answered by the carrier meanwhile"
        RETURNED = "returned", "the refund was returned to the player"
        NOT_RETURNED = "not_returned", "the refund was not returned: put it back into the balance"

    kind = models.CharField(max_length=30, choices=Kind)
    # A deposit's reference, a settlement line, or a carrier's payment id: what the kind is about.
    subject = models.CharField(max_length=200)
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, null=True, blank=True, related_name="cases"
    )
    # What was known when the case was opened; what is known now is shown beside it.
    evidence = models.JSONField(default=dict)
    opened_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    # A role until somebody takes it; then that person answers for it.
    owner_role = models.CharField(max_length=40)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, db_default=State.OPEN)
    resolution = models.CharField(max_length=20, choices=Resolution, blank=True, default="", db_default="")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    proposal_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    # Nobody: the carrier's own answer has settled it.
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_reason = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        permissions = [("confirm_case", "Can confirm what another person proposed for a case")]
        constraints = [
            models.UniqueConstraint(fields=["subject", "kind"], name="case_once"),
            models.CheckConstraint(
                condition=models.Q(closed_by=None) | ~models.Q(closed_by=models.F("proposed_by")),
                name="case_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open") | ~models.Q(resolution=""), name="case_resolution"
            ),
            models.CheckConstraint(
                condition=models.Q(state="closed") ^ models.Q(closed_at=None), name="case_closed_at"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="case_queue", condition=~models.Q(state="closed")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"
