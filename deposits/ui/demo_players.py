"""Players for a first look, where DEMO is on: one who is signed in by himself, and fresh ones for each story."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import Partner, Player, PlayerPhone
from accounts.protections.register import NEVER_DUE

PARTNER = "demo-casino"
USUAL = "demo-player"
USUAL_NUMBER = "+447700900001"
WEEKLY_LIMIT_MINOR = 50_000


def usual_player() -> Player:
    """Return the player that a visitor without a session becomes; made on first use."""
    partner = Partner.objects.filter(slug=PARTNER).first()
    player = Player.objects.filter(partner=partner, external_id=USUAL).first() if partner else None
    return player or create(USUAL, USUAL_NUMBER)


def fresh_player(number: str, *, proved: bool = True, weekly_limit_minor: int = WEEKLY_LIMIT_MINOR) -> Player:
    """Return a new player whose only phone is `number`. The limit is in minor units."""
    return create(
        f"demo-{secrets.token_hex(4)}", number, proved=proved, weekly_limit_minor=weekly_limit_minor
    )


@transaction.atomic
def create(
    external_id: str, number: str, *, proved: bool = True, weekly_limit_minor: int = WEEKLY_LIMIT_MINOR
) -> Player:
    """Create the demo player `external_id` unless it is there; `proved`: `number` needs no code."""
    defaults = {"name": "Demo Casino", "return_addresses": settings.DEMO_RETURN_ADDRESSES}
    partner, _ = Partner.objects.get_or_create(slug=PARTNER, defaults=defaults)
    player, _ = Player.objects.get_or_create(
        partner=partner,
        external_id=external_id,
        defaults={
            "weekly_limit_minor": weekly_limit_minor,
            "is_test": True,
            "identity_state": Player.Identity.VERIFIED,
            "register_fresh_until": NEVER_DUE,
        },
    )
    PlayerPhone.objects.get_or_create(
        player=player, number=number, defaults={"verified_at": Now() if proved else None}
    )
    ledger.player_account_id(player.pk, "GBP")
    return player
