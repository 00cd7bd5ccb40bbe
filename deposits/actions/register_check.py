"""Ask the national register about a player just before the first charge since its last answer has run out.

Accepting never waits for it: what it said of late stands on the player's row. Where that is too old, the deposit is
accepted all the same, and the worker asks before a byte leaves for the carrier. Refusing at once instead would turn
away every player's first deposit of the day; charging on an old answer would charge the excluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from accounts.models import Person as Kept
from accounts.protections import register as cache
from accounts.sealing import NotOpened
from carriers import registers
from carriers.interface import Conversation
from carriers.outcomes import Unknown
from carriers.registers import Person, Register, Verdict
from deposits.transitions import Claimed

log = structlog.get_logger("deposits.register")


@dataclass(slots=True, eq=False)
class Check:
    """A claimed deposit whose player the register is being asked about."""

    claimed: Claimed
    register: Register
    person: Person
    verdict: Verdict | None = None

    def conversation(self) -> Conversation:
        """Ask. The driver's outcome means nothing here: there is a verdict, or there is none."""
        self.verdict = yield from self.register.ask(self.person)
        return Unknown("asked a register")


def checks(claimed: Sequence[Claimed]) -> tuple[list[Check], list[Claimed]]:
    """Return the questions to ask before these deposits are charged, and those whose player nobody can ask about.

    Of the latter too little is known: the register matches on name, birth date and postcode.
    """
    register = registers.register()
    if register is None or not claimed:
        return [], []
    known = {one.pk: one for one in Kept.objects.filter(pk__in={one.player_id for one in claimed})}
    asked, unknown = [], []
    for one in claimed:
        person = _person(known.get(one.player_id))
        if person is None:
            unknown.append(one)
        else:
            asked.append(Check(one, register, person))
    return asked, unknown


def take(check: Check) -> str:
    """Keep what the register said; return the reason that the deposit is refused for, "" when it may be charged."""
    profile, verdict = check.register.profile, check.verdict
    if verdict is None:
        log.error("register_did_not_answer", reference=check.claimed.reference, then=profile.unanswered)
        return "" if profile.unanswered == "allow" else "check_unavailable"
    cache.keep(
        check.claimed.player_id,
        excluded=verdict.excluded,
        until=verdict.until,
        valid_s=profile.valid_s,
        register=profile.adapter,
    )
    return "self_excluded" if verdict.excluded else ""


def _person(row: Kept | None) -> Person | None:
    if row is None:
        return None
    try:
        known = row.particulars
    except NotOpened as error:
        log.error("particulars_not_opened", player=row.pk, error=str(error))
        return None
    if not (known.first_name and known.last_name and known.born_on and known.postcode):
        return None
    return Person(
        known.first_name, known.last_name, known.born_on, known.postcode, known.email, known.phone_number
    )
