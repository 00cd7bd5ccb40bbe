"""The players, and the phone numbers that they have shown to be theirs."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models.partner import Partner

e164 = RegexValidator(r"^\+[1-9][0-9]{4,14}$", "Enter the number with its country code, like +447700900001.")


class Player(models.Model):
    """A partner's customer. `external_id` is the partner's own name for them.

    Whether they may deposit is kept here, so that accepting a deposit reads one row: the columns from `identity_state`
    to `blocked_at`, put together by the SQL function `accounts_bar` (migration 0007).
    """

    class Identity(models.TextChoices):
        NOT_STARTED = "not_started", "not started"
        PENDING = "pending", "pending"
        VERIFIED = "verified", "verified"
        FAILED = "failed", "failed"

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="players")
    external_id = models.CharField(max_length=64)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="player"
    )
    # The player's own limits: gross deposits in 24 hours, 7 days and one month, in minor units; null: none is set.
    # Here, so that whoever reads the player knows them; who set them and when is kept with the limits.
    daily_limit_minor = models.BigIntegerField(null=True, blank=True)
    weekly_limit_minor = models.BigIntegerField(null=True, blank=True)
    monthly_limit_minor = models.BigIntegerField(null=True, blank=True)
    # When the player last said that they still fit; asked again six months later.
    limits_reviewed_at = models.DateTimeField(null=True, blank=True)
    # Whose rules protect the player: "GB", "IE", "EU".
    jurisdiction = models.CharField(max_length=4, default="GB", db_default="GB")
    # Sprung into being by a test key's deposit; to a live key nobody is there until it creates the player.
    is_test = models.BooleanField(default=False, db_default=False)
    # Written by accounts/protections/identity.py only.
    identity_state = models.CharField(
        max_length=12, choices=Identity, default=Identity.NOT_STARTED, db_default=Identity.NOT_STARTED
    )
    of_age_on = models.DateField(null=True, blank=True)
    # Until when the last answer of the national register counts; null: it has to be asked.
    register_fresh_until = models.DateTimeField(null=True, blank=True)
    # The end of the break or exclusion that lasts longest, and the reason it gives. A trigger lets nothing else in here
    # than what the history of protections says.
    barred_until = models.DateTimeField(null=True, blank=True)
    barred_reason = models.CharField(max_length=30, blank=True, default="", db_default="")
    # Past the vulnerability threshold; whether deposits wait for that; when two people last looked.
    vulnerable_at = models.DateTimeField(null=True, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    # Owes us after a reversal that the balance did not cover; for staff to see, it blocks nothing.
    flagged_at = models.DateTimeField(null=True, blank=True)
    # Each deposit is looked at once more by the player before it is made; asked for by compliance.
    look_twice_at = models.DateTimeField(null=True, blank=True)
    # Sessions from before this moment have ended: the player signed out everywhere.
    signed_out_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = [("flag_player", "Can have a player look twice before each deposit")]
        constraints = [
            # The name comes first, so that staff find a player without knowing whose it is.
            models.UniqueConstraint(fields=["external_id", "partner"], name="player_external_id"),
            models.CheckConstraint(
                condition=models.Q(weekly_limit_minor__isnull=True) | models.Q(weekly_limit_minor__gte=0),
                name="player_weekly_limit",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class PlayerPhone(models.Model):
    """A number that a player wants to pay with. Until it is verified, the carrier texts a code first."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="phones")
    number = models.CharField(max_length=16, validators=[e164])
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "player's phone"
        constraints = [models.UniqueConstraint(fields=["player", "number"], name="player_phone_number")]
        indexes = [models.Index(fields=["number"], name="player_phone_by_number")]

    def __str__(self) -> str:
        return f"…{self.number[-3:]}"
