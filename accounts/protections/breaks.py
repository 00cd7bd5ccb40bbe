"""Time-outs and self-exclusion: begun at once, lasting as long as was asked for, ended early by nobody.

There is no function to end one, and the database refuses it to everybody (migration 0007).
"""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction

from accounts.models import Player, Protection
from accounts.protections.acts import Actor, NotAllowed

#: What players ask for themselves.
OWN: Final = (Protection.Kind.TIME_OUT, Protection.Kind.SELF_EXCLUSION)
#: Time-outs in hours: 24 hours to 6 weeks (UKGC Remote Technical Standard 14B names both ends).
TIME_OUT_HOURS: Final = range(24, 6 * 7 * 24 + 1)
#: Self-exclusions in months: 6 months to 5 years (UKGC Social Responsibility Code 3.5.3).
SELF_EXCLUSION_MONTHS: Final = range(6, 5 * 12 + 1)

_BEGIN = """
INSERT INTO accounts_protection (player_id, kind, begins_at, ends_at, actor_kind, actor, reason)
VALUES (%s, %s, now(), now() + make_interval(hours => %s, months => %s), %s, %s, %s) RETURNING id
"""


def take_time_out(player: Player, hours: int, by: Actor) -> Protection:
    """Keep `player` from depositing for so many hours, from now. Raises `NotAllowed` outside `TIME_OUT_HOURS`."""
    if hours not in TIME_OUT_HOURS:
        raise NotAllowed(
            "hours", f"Send {TIME_OUT_HOURS[0]} to {TIME_OUT_HOURS[-1]} hours (24 hours to 6 weeks)."
        )
    return _begin(player, Protection.Kind.TIME_OUT, hours, 0, by)


def exclude(player: Player, months: int, by: Actor) -> Protection:
    """Keep `player` from depositing for so many months, from now.

    Raises `NotAllowed` outside `SELF_EXCLUSION_MONTHS`.
    """
    if months not in SELF_EXCLUSION_MONTHS:
        first, last = SELF_EXCLUSION_MONTHS[0], SELF_EXCLUSION_MONTHS[-1]
        raise NotAllowed("months", f"Send {first} to {last} months (6 months to 5 years).")
    return _begin(player, Protection.Kind.SELF_EXCLUSION, 0, months, by)


@transaction.atomic
def _begin(player: Player, kind: Protection.Kind, hours: int, months: int, by: Actor) -> Protection:
    # By the database's clock and calendar, which every other process goes by.
    with connection.cursor() as cursor:
        cursor.execute(
            _BEGIN, [player.pk, kind.value, hours, months, by.kind, by.name[:100], by.reason[:300]]
        )
        (key,) = cursor.fetchone()
    begun = Protection.objects.get(pk=key)
    by.note(
        f"player.{kind.value}_begun",
        player,
        {"barred_until": None if player.barred_until is None else player.barred_until.isoformat()},
        {"kind": kind.value, "ends_at": begun.ends_at.isoformat()},
    )
    player.refresh_from_db()
    return begun
