"""Velocity: who has had too many failed attempts of late waits for a while.

Only what carries evidence counts: a carrier's no, and a wrong code. What we could not send, what a carrier was too busy
for and what nobody answered says nothing about the player and never counts. Never keyed on an address: thousands of
players share one behind a mobile network's translator.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Player
from accounts.protections.bars import Bar
from accounts.statement import Statement
from deposits.models import FailedAttempts
from deposits.states import Event

log = structlog.get_logger("deposits.velocity")

_COUNT = Statement(Path(__file__).parent / "sql" / "count_failures.sql")
#: A carrier that says no because of itself says nothing about the player, and one who turned back has tried nothing.
NO_EVIDENCE: Final = frozenset(
    {"carrier_unavailable", "bank_unavailable", "bank_not_approved", "bank_approval_timeout"}
    | {"carrier_player_said_no", "carrier_reply_timeout"}
)

Subject = FailedAttempts.Subject


def is_evidence(event: str, reason_code: str) -> bool:
    """Whether what happened to a deposit counts as a failed attempt."""
    return event in (Event.DECLINED, Event.CODE_REJECTED) and reason_code not in NO_EVIDENCE


def count(deposit_ids: Iterable[UUID]) -> None:
    """Count these deposits as failed attempts, in the caller's transaction: once for each time one is given."""
    given = sorted(deposit_ids)
    if not given:
        return
    rule = settings.VELOCITY
    rows = _COUNT.rows(
        {
            "deposits": given,
            "most": rule["failures"],
            "within": timedelta(seconds=rule["within_s"]),
            "cool_down": timedelta(seconds=rule["cool_down_s"]),
        }
    )
    for row in rows:
        if row["cooling_until"] is not None:
            log.warning(
                "cooling_down", subject_kind=row["subject_kind"], until=row["cooling_until"].isoformat()
            )


def bar(player: Player, phone_number: str, device: str) -> Bar | None:
    """Return the cool-down that stops this player from depositing with this phone and device, the longest of them."""
    if player.is_test:
        return None
    rows = FailedAttempts.objects.filter(
        Q(subject_kind=Subject.PLAYER, subject=str(player.pk))
        | Q(subject_kind=Subject.PHONE_NUMBER, subject=phone_number)
        | Q(subject_kind=Subject.DEVICE, subject=device),
        cooling_until__gt=Now(),
    )
    ends = [row.cooling_until for row in rows if row.cooling_until]
    return Bar("too_many_requests", max(ends)) if ends else None
