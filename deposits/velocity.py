"""Velocity: who has had too many failed attempts of late waits for a while.

Only what carries evidence counts: a carrier's no, and a wrong code. What we could not send, what a carrier was too busy
for and what nobody answered says nothing about the player and never counts. Never keyed on an address: thousands of
players share one behind a mobile network's translator.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Player
from accounts.protections.bars import Bar
from accounts.statement import Statement
from deposits import rules
from deposits.models import FailedAttempts, Rule
from deposits.rules import Scope
from deposits.states import Event
from deposits.windows import length_of

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


def count(failed: Iterable[tuple[UUID, Scope]]) -> None:
    """Count these deposits as failed attempts, in the caller's transaction: once for each time one is given."""
    given = sorted(failed, key=lambda one: one[0])
    if not given:
        return
    book, at = rules.now()
    in_force = book.in_force(at)
    counted = [(id_, rule) for id_, scope in given for rule in counting(rules.applying(in_force, scope))]
    if not counted:
        return
    rows = _COUNT.rows(
        {
            "deposits": [id_ for id_, _ in counted],
            "kinds": [rule.subject for _, rule in counted],
            "mosts": [rule.amount for _, rule in counted],
            "withins": [length_of(rule.length) for _, rule in counted],
            "cool_downs": [length_of(rule.lasts) for _, rule in counted],
            "rules": [rule.pk for _, rule in counted],
        }
    )
    for row in rows:
        if row["cooling_until"] is not None:
            log.warning(
                "cooling_down", subject_kind=row["subject_kind"], until=row["cooling_until"].isoformat()
            )


def counting(applying: Iterable[Rule]) -> list[Rule]:
    """Return the rules that count failed attempts, of each kind of subject the strictest one: there is one count."""
    strictest: dict[str, Rule] = {}
    for rule in applying:
        known = strictest.get(rule.subject)
        if rule.measure == Rule.Measure.FAILURES and (known is None or _most(rule) < _most(known)):
            strictest[rule.subject] = rule
    return [rule for _, rule in sorted(strictest.items())]


def _most(rule: Rule) -> int:
    assert rule.amount is not None  # rule_sets.check
    return rule.amount


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
