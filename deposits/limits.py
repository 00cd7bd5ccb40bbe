"""What still may be deposited, and why not more. Accept enforces; this explains, settles and gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.models import Player
from accounts.statement import Statement
from deposits.models import Accumulator, Deposit, PlayerLimit, Rule
from deposits.models.accumulator import KEPT_DAYS
from deposits.rules import Applied, Scope, applying, book, minute_of, window_of

_COUNT = Statement(Path(__file__).parent / "sql" / "count.sql")
Subject, Measure, Own = Rule.Subject, Rule.Measure, Rule.Own

#: Where the newest limit of each period stands on the player.
COLUMNS: Mapping[str, str] = {
    Own.DAY: "daily_limit_minor",
    Own.WEEK: "weekly_limit_minor",
    Own.MONTH: "monthly_limit_minor",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one rule stands at a moment. `most` is None where nobody has set any; a count where the rule counts."""

    applied: Applied
    used: int
    most: int | None
    resets_at: datetime | None
    """When all of it, or of a rolling window the first of it, may be deposited again; None while nothing is used."""

    @property
    def rule(self) -> Rule:
        """The rule, in the version that applies."""
        return self.applied.rule

    @property
    def left(self) -> int | None:
        """What may still be deposited before the limit is reached; None without a limit."""
        return None if self.most is None else max(self.most - self.used, 0)

    @property
    def counts_deposits(self) -> bool:
        """Whether its figures are numbers of deposits and not minor units."""
        return self.rule.measure == Measure.COUNT

    def allows(self, amount_minor: int) -> bool:
        """Whether one more deposit of this amount stays within the rule."""
        if not self.applied.counts:
            return self.applied.allows_amount(amount_minor)
        return self.most is None or self.used + self.weight(amount_minor) <= self.most

    def weight(self, amount_minor: int) -> int:
        """What a deposit of this amount adds to what is used."""
        return 1 if self.counts_deposits else amount_minor


def today() -> date:
    """Return the calendar day in the limits' time zone, by this process's clock."""
    # `localdate` asks each time which zone has been chosen; nobody chooses one.
    return datetime.now(timezone.get_default_timezone()).date()


def accumulators(scope: Scope, player_id: int | None) -> dict[str, Accumulator]:
    """Return the rows that a deposit of this scope would be counted in, by kind of subject; none for what is new."""
    keys = subject_keys(scope.partner_id, player_id, scope.phone_number)
    any_of = [Q(subject_kind=kind, subject=key, currency=scope.currency) for kind, key in keys.items()]
    rows = Accumulator.objects.filter(reduce(or_, any_of))
    return {row.subject_kind: row for row in rows}


def subject_keys(partner_id: int, player_id: int | None, phone_number: str) -> dict[str, str]:
    """Return whose accumulators a deposit is counted in."""
    keys = {Subject.PARTNER.value: str(partner_id)}
    if player_id is not None:
        keys[Subject.PLAYER.value] = str(player_id)
    if phone_number:
        keys[Subject.PHONE_NUMBER.value] = phone_number
    return keys


def used(row: Accumulator | None, measure: str, since_minute: int) -> int:
    """Return what an accumulator holds from a minute on: minor units, or deposits where the measure counts."""
    if row is None:
        return 0
    buckets = zip(row.minutes, row.reserved, row.settled, row.returned, row.counts, strict=True)
    total = 0
    for minute, reserved, settled, returned, count in buckets:
        if minute >= since_minute:
            total += count if measure == Measure.COUNT else reserved + settled
            if measure == Measure.NET:
                total -= returned
    return total


def standing(applied: Applied, row: Accumulator | None, player: Player | None, at: datetime) -> Standing:
    """Return how a rule stands at `at`. `row` is its subject's accumulator, `player` whose own limit it may be."""
    rule = applied.rule
    if not applied.counts:
        return Standing(applied, 0, rule.amount, None)
    since = applied.window.start(at)
    most = rule.amount
    if rule.own:
        most = getattr(player, COLUMNS[rule.own]) if player else None
    value = used(row, rule.measure, minute_of(since))
    return Standing(applied, value, most, _resets_at(applied, row, at, value))


def _resets_at(applied: Applied, row: Accumulator | None, at: datetime, value: int) -> datetime | None:
    length = applied.window.rolls
    if length is None:
        return applied.window.end(at)
    if row is None or value <= 0:
        return None
    # What was deposited in a minute counts until the end of that minute is out of the window.
    first = min(minute for minute in row.minutes if minute >= minute_of(at - length))
    return datetime.fromtimestamp((first + 1) * 60, UTC) + length


def release(deposit: Deposit) -> None:
    """Give back what `deposit` has counted towards its limits: certainly nothing was taken."""
    _count(deposit, reserved=-deposit.amount_minor, count=-1)


def settle(deposit: Deposit) -> None:
    """Turn what `deposit` has reserved into what was deposited: what was really taken."""
    _count(deposit, reserved=-deposit.amount_minor, settled=deposit.taken_minor or deposit.amount_minor)


def count_late(deposit: Deposit) -> None:
    """Count a deposit that had ended, and been released, and is credited after all. No limit stops it any more."""
    _count(deposit, settled=deposit.taken_minor or deposit.amount_minor, count=1)


def count_returned(
    partner_id: int, player_id: int, phone_number: str, currency: str, amount_minor: int
) -> None:
    """Count what went back to a player, now: a refund, a withdrawal. Only net measures look at it."""
    keys = subject_keys(partner_id, player_id, phone_number)
    _COUNT.rows(
        {
            "kinds": sorted(keys),
            "keys": [keys[kind] for kind in sorted(keys)],
            "currency": currency,
            "at": None,
            "reserved": 0,
            "settled": 0,
            "returned": amount_minor,
            "count": 0,
            "kept": timedelta(days=KEPT_DAYS),
        }
    )


def _count(deposit: Deposit, *, reserved: int = 0, settled: int = 0, count: int = 0) -> None:
    keys = subject_keys(deposit.partner_id, deposit.player_id, deposit.phone_number)
    _COUNT.rows(
        {
            "kinds": sorted(keys),
            "keys": [keys[kind] for kind in sorted(keys)],
            "currency": deposit.currency,
            "at": deposit.created_at,
            "reserved": reserved,
            "settled": settled,
            "returned": 0,
            "count": count,
            "kept": timedelta(days=KEPT_DAYS),
        }
    )


def learn_refusal(scope: Scope, amount_minor: int, at: datetime) -> None:
    """Remember that a carrier refused this much because of its own cap: as much need not be asked again for a while.

    The carrier counts what others charge too. Until its cap starts again; where no rule says when, nothing is learnt.
    """
    until = cap_ends(scope, at)
    if until is None:
        return
    rows = Accumulator.objects.filter(
        subject_kind=Subject.PHONE_NUMBER, subject=scope.phone_number, currency=scope.currency
    )
    with transaction.atomic():
        for row in rows.select_for_update():
            known = row.refused_minor if row.refused_until and row.refused_until > at else None
            row.refused_minor = amount_minor if known is None else min(known, amount_minor)
            row.refused_until = until
            row.save(update_fields=["refused_minor", "refused_until"])


def cap_ends(scope: Scope, at: datetime) -> datetime | None:
    """Return when what a carrier lets a number be charged starts again; None where no rule says so."""
    found = [
        window_of(rule).end(at)
        for rule in applying(book().in_force(at), scope)
        if rule.limits
        and rule.subject == Subject.PHONE_NUMBER
        and rule.measure != Measure.AMOUNT
        and rule.amount is not None
    ]
    return max((end for end in found if end is not None), default=None)


def set_own_limit(
    player_id: int, period: str, amount_minor: int | None, *, actor_kind: str, actor: str, reason: str = ""
) -> PlayerLimit:
    """Make `amount_minor` the player's own limit of a period (Rule.Own) from now on; None: no limit.

    When it may be raised is the caller's to know. Nobody in staff can raise one: PermissionError.
    """
    column = COLUMNS[Own(period)]
    with transaction.atomic():
        player = Player.objects.select_for_update().get(pk=player_id)
        before = getattr(player, column)
        if actor_kind == "staff" and is_raise(before, amount_minor):
            raise PermissionError("nobody in staff can raise a player's own limit")
        limit = PlayerLimit.objects.create(
            player=player,
            period=period,
            amount_minor=amount_minor,
            actor_kind=actor_kind,
            actor=actor[:100],
            reason=reason[:500],
        )
        Player.objects.filter(pk=player_id).update(**{column: amount_minor})
        audit.note(
            "limit.set",
            actor_kind=actor_kind,
            actor=actor[:100],
            subject_kind="player",
            subject=str(player_id),
            before={"period": period, "amount_minor": before},
            after={"period": period, "amount_minor": amount_minor},
            reason=reason,
        )
    return limit


def is_raise(before_minor: int | None, after_minor: int | None) -> bool:
    """Whether a limit would let more through than before; None is no limit."""
    if before_minor is None:
        return False
    return after_minor is None or after_minor > before_minor
