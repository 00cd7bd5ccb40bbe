"""Passkeys: what a player's device has shown to hold the other half of."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models.player import Player


class Passkey(models.Model):
    """One public key. A copy of the table signs nobody in."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="passkeys")
    credential_id = models.BinaryField(max_length=1_023, unique=True)
    # WebAuthn §6.5.1, attested credential data: the id and the public key.
    credential = models.BinaryField()
    # What the device counted at its last use; 0 of those that do not count.
    uses = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"passkey of player {self.player_id}"
