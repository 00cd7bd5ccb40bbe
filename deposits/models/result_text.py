"""Texts that players asked for: what became of a deposit, sent once it has ended."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import PlayerPhone
from deposits.models.deposit import Deposit


class ResultText(models.Model):
    """One for a deposit at most, to a number that the player has proved."""

    deposit = models.OneToOneField(
        Deposit, on_delete=models.PROTECT, primary_key=True, related_name="result_text"
    )
    phone = models.ForeignKey(PlayerPhone, on_delete=models.PROTECT, related_name="+", db_index=False)
    # The language of the page on which it was asked for.
    language = models.CharField(max_length=10)
    asked_at = models.DateTimeField(db_default=Now())
    # Written before it is sent, so that it is never sent twice.
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # Looked at each second, and nearly empty.
            models.Index(fields=["asked_at"], name="result_text_owed", condition=models.Q(sent_at=None)),
        ]

    def __str__(self) -> str:
        return f"text about {self.deposit_id}"
