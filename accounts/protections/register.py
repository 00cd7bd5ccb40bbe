"""What the national register said about a player, kept for as long as it counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Player, Protection
from accounts.protections.acts import Actor

#: For a player whom a test key's deposit made: there is nobody to look up.
NEVER_DUE: Final = datetime(9999, 1, 1, tzinfo=UTC)


@transaction.atomic
def keep(player_id: int, *, excluded: bool, until: date | None, valid_s: float, register: str) -> None:
    """Keep an answer for `valid_s` seconds; an exclusion bars the player until its last day is over.

    Where the register tells no last day, the player is barred for as long as the answer counts, and asked about again.
    """
    player = Player.objects.select_for_update().get(pk=player_id)
    by = Actor("system", f"register {register}")
    fresh_until = Now() + timedelta(seconds=valid_s)
    if excluded:
        ends_at = fresh_until if until is None else datetime.combine(until + timedelta(days=1), time(), UTC)
        Protection.objects.create(
            player=player, kind=Protection.Kind.REGISTER, ends_at=ends_at, actor_kind=by.kind, actor=by.name
        )
        told = {"excluded": True, "until": until.isoformat() if until else None}
        by.note("player.register_exclusion", player, {}, told)
    Player.objects.filter(pk=player_id).update(register_fresh_until=fresh_until)
