"""Raises of players' own limits that wait: asked for by the player, and in force only after a day and a second act."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import Player
from deposits.models.rule import Rule


class LimitRaise(models.Model):
    """One raise that a player asked for. Triggers set its times, let it become ripe after 24 hours and not before, let
    it be decided once, and let no limit of a player's rise without one that the player has confirmed (migration 0011).
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waits for its time and the player"
        CONFIRMED = "confirmed", "confirmed by the player"
        WITHDRAWN = "withdrawn", "withdrawn"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="limit_raises")
    period = models.CharField(max_length=5, choices=Rule.Own)
    # Gross deposits, minor units; null: no limit any more.
    amount_minor = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_default=State.WAITING)
    requested_at = models.DateTimeField(db_default=Now())
    ripe_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True, blank=True)
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["player", "period"], name="limit_raise_waiting", condition=models.Q(state="waiting")
            ),
            models.CheckConstraint(
                condition=models.Q(amount_minor__isnull=True) | models.Q(amount_minor__gte=0),
                name="limit_raise_amount",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_period_display()} to {self.amount_minor}, {self.get_state_display()}"
