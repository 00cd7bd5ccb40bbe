"""Who a player is, as the partner has found out: kept apart from the row that every deposit reads."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models.player import Player
from accounts.particulars import Particulars, opened, seal


class Person(models.Model):
    """A player's particulars. Personal data: never in a log, in the audit trail or in an answer; sealed in the row."""

    player = models.OneToOneField(Player, on_delete=models.PROTECT, primary_key=True, related_name="person")
    sealed = models.TextField(blank=True, default="", db_default="")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "persons"

    def __str__(self) -> str:
        return f"player {self.player_id}"

    @property
    def particulars(self) -> Particulars:
        """What is known. Raises `sealing.NotOpened`."""
        return opened(self.sealed, self.player_id)

    @particulars.setter
    def particulars(self, known: Particulars) -> None:
        self.sealed = seal(known, self.player_id)


class PlayerAct(models.Model):
    """What was asked for a player under an idempotency key, so that the same key never does it twice."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="acts")
    client = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=255)
    idempotency_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "idempotency_key"], name="player_act_idempotency")
        ]

    def __str__(self) -> str:
        return f"{self.client}: {self.idempotency_key}"
