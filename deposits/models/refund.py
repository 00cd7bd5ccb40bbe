"""Refunds: money on its way back to where a deposit came from, each with its own state, lease, events and attempts."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from deposits.models.deposit import MOST_FRUITLESS, Deposit
from deposits.refund_states import CLAIMABLE, Event, State


class RefundQuerySet(models.QuerySet["Refund"]):
    """Named selections."""

    def due(self, carriers: Sequence[str]) -> RefundQuerySet:
        """Refunds at one of `carriers` (codes) whose next action is due, by the database's clock."""
        return self.filter(
            carrier__in=carriers, next_action_at__lte=Now(), state__in=CLAIMABLE, fruitless__lt=MOST_FRUITLESS
        )


class Refund(models.Model):
    """Part or all of a deposit, to be given back by the carrier or bank that it came from.

    States change in `refund_transitions.py` only. Triggers refuse illegal moves, deletion, more than was credited, and
    a state whose ledger entry is missing.
    """

    class Reason(models.TextChoices):
        DUPLICATE = "duplicate", "deposited twice"
        PLAYER_REQUEST = "player_request", "the player asked for it"
        SERVICE_FAULT = "service_fault", "our service was at fault"
        FRAUD = "fraud", "fraud"
        EXCLUSION_BREACH = "exclusion_breach", "the player was excluded"
        GOODWILL = "goodwill", "goodwill"

    id = models.UUIDField(primary_key=True)
    # "R-7F3K-92QX": minted here once, and what the carrier or bank gets on every try.
    reference = models.CharField(max_length=16)
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="refunds")
    carrier = models.CharField(max_length=40)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=20, choices=Reason)
    note = models.CharField(max_length=500, blank=True, default="")
    # Taken from the balance as far as it goes; what it did not cover, the player owes until the refund fails.
    beyond_balance = models.BooleanField(default=False, db_default=False)

    # Who asked, and under which key: "partner:7:live" or "staff:3".
    client = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=255)
    idempotency_hash = models.BinaryField(max_length=32)
    request_id = models.CharField(max_length=64, blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # The second person; nobody where one may do it alone.
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)

    state = models.CharField(max_length=16, choices=State)
    carrier_refund_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    carrier_code = models.CharField(max_length=80, blank=True, default="", db_default="")

    next_action_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=80, blank=True, default="", db_default="")
    lease_epoch = models.BigIntegerField(default=0, db_default=0)
    tries = models.PositiveIntegerField(default=0, db_default=0)
    inquiries = models.PositiveIntegerField(default=0, db_default=0)
    fruitless = models.PositiveSmallIntegerField(default=0, db_default=0)
    not_found_seen = models.PositiveIntegerField(default=0, db_default=0)
    not_found_first_at = models.DateTimeField(null=True, blank=True)
    # A try came to nothing that proves that it did not arrive: from here on a refusal of the next one proves nothing.
    in_doubt = models.BooleanField(default=False, db_default=False)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        permissions = [
            ("approve_refund", "Can approve what another person requested to refund"),
            ("request_large_refund", "Can request what a second person has to approve"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="refund_reference"),
            models.UniqueConstraint(fields=["idempotency_key", "client"], name="refund_idempotency"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_amount"),
            models.CheckConstraint(condition=models.Q(state__in=State.values), name="refund_state"),
            models.CheckConstraint(
                condition=models.Q(decided_by=None) | ~models.Q(decided_by=models.F("requested_by")),
                name="refund_two_people",
            ),
        ]
        indexes = [
            # What the claim reads; nearly empty.
            models.Index(
                fields=["carrier", "next_action_at"],
                name="refund_due",
                condition=models.Q(next_action_at__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="refund_open",
                condition=~models.Q(state__in=["returned", "refused", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class RefundEvent(models.Model):
    """One thing that happened to a refund: which event, from where to where, by whom and why. Append-only."""

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="events")
    event = models.CharField(max_length=20, choices=Event)
    from_state = models.CharField(max_length=16, choices=State, blank=True, default="")
    to_state = models.CharField(max_length=16, choices=State)
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=80, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.event} → {self.to_state}"


class RefundAttempt(models.Model):
    """One claim of one refund. Until an answer is recorded its outcome is "unknown", which is the truth."""

    class Step(models.TextChoices):
        REFUND = "refund", "refund"
        INQUIRE = "inquire", "inquire"

    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="attempts", db_index=False, db_constraint=False
    )
    epoch = models.BigIntegerField()
    step = models.CharField(max_length=10, choices=Step)
    worker = models.CharField(max_length=80)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, default="unknown", db_default="unknown")
    detail = models.CharField(max_length=300, blank=True, default="", db_default="")
    # What went over the wire, redacted, as a deposit's attempt has it.
    exchanges = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["refund", "epoch"], name="refund_attempt_once_per_epoch")
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.epoch}: {self.outcome}"
