"""What keeps a player from depositing for a time: breaks and exclusions. Append-only; none can be ended early."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models.player import Player


class Protection(models.Model):
    """One break or exclusion, from `begins_at` until `ends_at`. A later one may end later; nothing ends it earlier.

    A trigger checks how long each kind may last, keeps the player's row up to date (`barred_until`,
    `barred_reason`), and refuses every update, deletion and truncation (migration 0007).
    """

    class Kind(models.TextChoices):
        TIME_OUT = "time_out", "time-out"
        SELF_EXCLUSION = "self_exclusion", "self-exclusion"
        REGISTER = "register", "national register"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="protections")
    kind = models.CharField(max_length=20, choices=Kind)
    begins_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField()
    # Who asked for it: "player", "partner" or "staff"; "system", where a register said so.
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=100, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} until {self.ends_at:%Y-%m-%d %H:%M}"
