"""Texts that players asked for: what became of a deposit, and that deposits are back. A row owes each of them."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import Player, PlayerPhone
from deposits.models.deposit import Deposit


class OwedText(models.Model):
    """A text to a number that the player has proved, once it is due."""

    phone = models.ForeignKey(PlayerPhone, on_delete=models.PROTECT, related_name="+", db_index=False)
    # The language of the page on which it was asked for.
    language = models.CharField(max_length=10)
    asked_at = models.DateTimeField(db_default=Now())
    # Written before it is sent, so that it is never sent twice; also where it turns out that it is better not sent.
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class ResultText(OwedText):
    """What became of a deposit, once it has ended: one at most."""

    deposit = models.OneToOneField(
        Deposit, on_delete=models.PROTECT, primary_key=True, related_name="result_text"
    )

    class Meta:
        indexes = [
            # Looked at each second, and nearly empty.
            models.Index(fields=["asked_at"], name="result_text_owed", condition=models.Q(sent_at=None)),
        ]

    def __str__(self) -> str:
        return f"text about {self.deposit_id}"


class ReturnText(OwedText):
    """That deposits are back. One row for a player: who asks again, after a later time without, asks anew."""

    player = models.OneToOneField(
        Player, on_delete=models.PROTECT, primary_key=True, related_name="return_text"
    )

    class Meta:
        indexes = [
            models.Index(fields=["asked_at"], name="return_text_owed", condition=models.Q(sent_at=None)),
        ]

    def __str__(self) -> str:
        return f"text to player {self.player_id} that deposits are back"
