"""What may stop a deposit, as dated data: rules in versions, proposals of new ones, and players' own limits."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import Player


class Rule(models.Model):
    """One version of a rule. Append-only by trigger: a change is a new version, from its `effective_from` on.

    In force at a moment is, of each code, the highest version that had begun by then, unless it had ended.
    Amounts are minor units of `currency`, or a number where the measure counts deposits, failures or years.
    """

    class Subject(models.TextChoices):
        DEVICE = "device", "device"
        PARTNER = "partner", "partner"
        PHONE_NUMBER = "phone_number", "phone number"
        PLAYER = "player", "player"

    class Measure(models.TextChoices):
        AGE = "age", "age in years"
        AMOUNT = "amount", "single amount"
        COUNT = "count", "number of deposits"
        FAILURES = "failures", "failed attempts"
        GROSS = "gross", "gross deposits"
        IDENTITY = "identity", "verified identity"
        NET = "net", "deposits less what went back"

    class Window(models.TextChoices):
        BILLING_CYCLE = "billing_cycle", "billing cycle"
        DAY = "day", "calendar day"
        DEPOSIT = "deposit", "each deposit"
        MONTH = "month", "calendar month"
        ROLLING = "rolling", "rolling"
        WEEK = "week", "calendar week"

    class Own(models.TextChoices):
        """Whose amount is the player's own: the rule only says how its time is counted."""

        DAY = "day", "24 hours"
        WEEK = "week", "7 days"
        MONTH = "month", "one month"

    class Effect(models.TextChoices):
        """What happens where the amount is passed; by a case or a hold, where it is reached."""

        CASE = "case", "opens a case"
        COOL_DOWN = "cool_down", "nothing is accepted for a while"
        HOLD = "hold", "opens a case, and deposits wait for it"
        REFUSE = "refuse", "refuses the deposit"

    code = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    # "GB", "EU"; "*" is everywhere.
    jurisdiction = models.CharField(max_length=4)
    subject = models.CharField(max_length=12, choices=Subject)
    # One phone number or one partner's id; empty: each of them.
    subject_key = models.CharField(max_length=64, blank=True, default="")
    # Empty: any.
    carrier = models.CharField(max_length=40, blank=True, default="")
    method_type = models.CharField(max_length=20, blank=True, default="")
    currency = models.CharField(max_length=3, blank=True, default="")
    measure = models.CharField(max_length=10, choices=Measure)
    window = models.CharField(max_length=14, choices=Window)
    # Rolling: "24 hours", "30 days", "1 month".
    length = models.CharField(max_length=12, blank=True, default="")
    # Calendar windows and cycles begin at midnight here.
    zone = models.CharField(max_length=40, blank=True, default="")
    anchor_day = models.PositiveSmallIntegerField(null=True, blank=True)
    # Null: no limit, which only makes sense in place of a rule that has one, or where the amount is the player's own.
    amount = models.BigIntegerField(null=True, blank=True)
    own = models.CharField(max_length=5, choices=Own, blank=True, default="")
    effect = models.CharField(max_length=9, choices=Effect, default=Effect.REFUSE, db_default=Effect.REFUSE)
    # How long a cool-down is; for how long whoever was looked at is not looked at again: "1 hour", "365 days".
    lasts = models.CharField(max_length=12, blank=True, default="", db_default="")
    # Empty: any amount.
    price_points = ArrayField(models.BigIntegerField(), default=list, blank=True)
    # The code of the rule that this one stands in for, where it applies.
    replaces = models.CharField(max_length=60, blank=True, default="")
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True, blank=True)
    source = models.TextField()
    # What is not known for certain about it.
    unverified = models.TextField(blank=True, default="")
    reviewer = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_version"),
            models.CheckConstraint(
                condition=models.Q(amount__isnull=True) | models.Q(amount__gte=0), name="rule_amount"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    @property
    def limits(self) -> bool:
        """Whether it says how much or how often: what is checked against amounts, and reserved for."""
        return self.effect == self.Effect.REFUSE and self.measure not in (
            self.Measure.AGE,
            self.Measure.IDENTITY,
        )


class Rulebook(models.Model):
    """The number of the newest rule: one row, which a trigger keeps. Who knows it knows whether he knows all rules."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="rulebook_one_row")]

    def __str__(self) -> str:
        return f"rulebook {self.version}"


class RuleProposal(models.Model):
    """A rule that one person wants and another has to approve. `content` holds the fields of the rule to be."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "proposed"
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "sent back"

    code = models.CharField(max_length=60)
    content = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=500)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True, default="")
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="approved")
                | (models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("proposed_by"))),
                name="rule_two_people",
            )
        ]
        indexes = [
            models.Index(fields=["id"], name="rule_proposal_open", condition=models.Q(state="proposed"))
        ]
        permissions = [("approve_rule", "Can approve a rule that another person proposed")]

    def __str__(self) -> str:
        return f"{self.code}, {self.get_state_display()}"


class PlayerLimit(models.Model):
    """What a player has set for himself, one row per act. Append-only; the newest of a period is also on the player.

    Gross deposits in one currency's minor units; null: no limit.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="own_limits", db_index=False)
    period = models.CharField(max_length=5, choices=Rule.Own)
    amount_minor = models.BigIntegerField(null=True, blank=True)
    set_at = models.DateTimeField(db_default=Now())
    # "player", "partner", "staff" or "system", and which one.
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=100, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_minor__isnull=True) | models.Q(amount_minor__gte=0),
                name="player_limit_amount",
            )
        ]
        indexes = [models.Index(fields=["player", "period", "-id"], name="player_limit_newest")]

    def __str__(self) -> str:
        return f"{self.get_period_display()}: {self.amount_minor}"
