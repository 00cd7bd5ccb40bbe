"""How much of a limit is used up: one row per subject and period, locked and counted by accept."""

from __future__ import annotations

from django.db import models


class LimitUsage(models.Model):
    """What a phone number or a player has deposited or reserved in one calendar period, in minor units.

    Accept adds to it inside its transaction; an end at which certainly nothing was taken gives it back;
    an unknown outcome keeps it.
    """

    class Subject(models.TextChoices):
        PHONE_MONTH = "phone_month", "phone number, calendar month"
        PLAYER_WEEK = "player_week", "player, calendar week"

    subject_kind = models.CharField(max_length=12, choices=Subject)
    subject = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    period_start = models.DateField()
    used_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject", "currency", "period_start"], name="limit_usage_key"
            ),
            models.CheckConstraint(condition=models.Q(used_minor__gte=0), name="limit_usage_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.period_start}: {self.used_minor}"
