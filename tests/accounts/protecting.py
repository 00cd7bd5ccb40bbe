"""Players for tests of their protections, and the database's clock moved for one of them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import connection

from accounts.models import Partner, Player
from accounts.protections.acts import Actor
from tests.triggers import triggers_off

PLAYER = Actor("player", "p-1", reason="asked for it")


def player(**fields: Any) -> Player:
    """Return a verified player of a partner of the test's own; `fields` override."""
    made = Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)
    fields = {
        "partner": made,
        "external_id": f"p-{uuid.uuid4().hex[:8]}",
        "identity_state": Player.Identity.VERIFIED,
        **fields,
    }
    return Player.objects.create(**fields)


def let_pass(of: Player, time: timedelta) -> None:
    """Let so much time pass for a player's breaks, as the owner of the tables could, with their triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, key, columns in (
            ("accounts_protection", "player_id", ("begins_at", "ends_at")),
            ("accounts_player", "id", ("barred_until",)),
        ):
            moved = ", ".join(f"{column} = {column} - %(time)s::interval" for column in columns)
            triggers_off(cursor, table)
            cursor.execute(
                f"UPDATE {table} SET {moved} WHERE {key} = %(player)s",
                {"time": str(time), "player": of.pk},
            )
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    of.refresh_from_db()
