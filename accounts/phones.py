"""The numbers that players have shown to be theirs."""

from __future__ import annotations

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import PlayerPhone


def proved() -> QuerySet[PlayerPhone]:
    """Return the numbers that a player has proved. A test key proves them by saying so: those count in a demo only."""
    phones = PlayerPhone.objects.filter(verified_at__isnull=False)
    return phones if settings.DEMO else phones.filter(player__is_test=False)
