"""Links that partners make for their players: each brings one player, once, to the deposit page."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import Player, PlayerAct
from deposits.references import new_id


class HostedLink(models.Model):
    """What a link is good for. The address carries a signature over all of it (deposits/links.py): a row that is
    changed opens nothing any more, and nobody who only reads the table can make the address.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="hosted_links")
    # The request that asked for it, so that the same key answers with the same link.
    act = models.OneToOneField(PlayerAct, on_delete=models.PROTECT, related_name="hosted_link")
    currency = models.CharField(max_length=3)
    minimum_minor = models.BigIntegerField()
    maximum_minor = models.BigIntegerField()
    # Empty: any way to pay; a bank's code only where the way is a bank.
    method_type = models.CharField(max_length=20, blank=True, default="")
    bank_id = models.CharField(max_length=40, blank=True, default="")
    return_url = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True, blank=True)
    # By staff, before its player had used it.
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(minimum_minor__gte=1, maximum_minor__gte=models.F("minimum_minor")),
                name="hosted_link_range",
            ),
        ]

    def __str__(self) -> str:
        return f"link for player {self.player_id}"
