"""Whether a player may deposit now, and if not, why: one verdict, the same that the accept and claim statements use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import connection

from accounts.models import Protection

#: What is wrong, for partners; players read the reason of the same code.
DETAILS: Final = {
    "time_out_active": "The player is taking a break.",
    "self_excluded": "The player is self-excluded.",
    "not_accepted": "We cannot take this deposit.",
    "under_age": "The player is not old enough.",
    "checks_needed": "The player's identity has to be verified first.",
    "too_many_requests": "There were too many failed attempts of late.",
}

_STANDING = """
SELECT accounts_bar(p, %s, %s), p.barred_until FROM accounts_player AS p WHERE p.id = %s
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """Why a player may not deposit: the code of a reason, and when it ends by itself, where that is known."""

    code: str
    ends_at: datetime | None = None


#: Bars that end by themselves.
ENDING: Final = frozenset({"time_out_active", "self_excluded"})


def standing(player_id: int, today: date, checked_in: Collection[str]) -> Bar | None:
    """Return what keeps the player from depositing, or None. `today` is the day in the limits' time zone.

    `checked_in`: the jurisdictions in which nobody deposits before their identity is verified; "*" is all of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [today, list(checked_in), player_id])
        code, barred_until = cursor.fetchone()
    if not code:
        return None
    return Bar(code, told_end(player_id, barred_until) if code in ENDING else None)


def told_end(player_id: int, barred_until: datetime | None) -> datetime | None:
    """Return when the break of a player who is barred until then ends; None where we do not know.

    What a register says ends with its answer, and then it is asked again: to call that an end would be untrue.
    """
    if barred_until is None:
        return None
    by_register = Protection.objects.filter(
        player_id=player_id, kind=Protection.Kind.REGISTER, ends_at=barred_until
    )
    return None if by_register.exists() else barred_until
