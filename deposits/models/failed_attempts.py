"""Failed attempts of late, by whom: what a cool-down is decided from."""

from __future__ import annotations

from django.db import models


class FailedAttempts(models.Model):
    """How often carriers have said no to one player, one phone number or one device since `began_at`.

    Counted by deposits/velocity.py. While `cooling_until` lies ahead, the accept statement takes nothing from them.
    """

    class Subject(models.TextChoices):
        PLAYER = "player", "player"
        PHONE_NUMBER = "phone_number", "phone number"
        DEVICE = "device", "device"

    subject_kind = models.CharField(max_length=12, choices=Subject)
    subject = models.CharField(max_length=64)
    failures = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    cooling_until = models.DateTimeField(null=True, blank=True)
    # The rule, in its version, that the last of them was counted by.
    rule = models.ForeignKey(
        "deposits.Rule",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        db_constraint=False,
    )

    class Meta:
        verbose_name_plural = "failed attempts"
        constraints = [
            models.UniqueConstraint(fields=["subject", "subject_kind"], name="failed_attempts_key"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind}: {self.failures}"
