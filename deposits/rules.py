"""Which rules apply to a deposit, and since when each counts: from a copy of the table, never by a clock here.

The copy is good as long as the rulebook has the version that it was made from. Accept looks, in its own statement, and
also whether the moment lies in the windows that were worked out here; if not it says so, and they are worked out anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from accounts.statement import Statement
from deposits.models import Rule
from deposits.windows import DEPOSIT, Window

_RULEBOOK = Statement(Path(__file__).parent / "sql" / "rulebook.sql")
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
EVERYWHERE = "*"
# For how long a copy is good enough where nothing is decided for good: a claim is only the second look at a player.
_RECENT_S = 1.0
Measure = Rule.Measure


@dataclass(frozen=True, slots=True)
class Scope:
    """What kind of deposit is asked about. `phone_number` is empty where none is charged."""

    partner_id: int
    currency: str
    carrier: str
    method_type: str
    phone_number: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule about amounts that applies, with its window now; both None for what looks at each deposit alone."""

    rule: Rule
    window: Window
    since: datetime | None
    until: datetime | None

    @property
    def counts(self) -> bool:
        """Whether it is about several deposits together."""
        return self.rule.measure != Rule.Measure.AMOUNT

    def allows_amount(self, amount_minor: int) -> bool:
        """Whether a rule about single amounts lets this one pass."""
        points, most = self.rule.price_points, self.rule.amount
        return (not points or amount_minor in points) and (most is None or amount_minor <= most)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The rules for one scope, good from `valid_from` until before `valid_until` with this version of the rulebook."""

    version: int
    valid_from: datetime
    valid_until: datetime
    rules: tuple[Applied, ...]
    encoded: str
    """The same for the accept statement, as JSON."""


@dataclass(slots=True)
class Book:
    """All rules as they were read at `read_at`, by the database's clock."""

    version: int
    read_at: datetime
    rules: list[Rule]
    _resolved: dict[tuple[Any, ...], Resolved] = field(default_factory=dict)
    _keys: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._keys = frozenset(rule.subject_key for rule in self.rules)

    def in_force(self, at: datetime) -> list[Rule]:
        """Return what applied at `at`, by code: of each the newest version that had begun, if it had not ended."""
        newest: dict[str, Rule] = {}
        for rule in self.rules:
            if rule.effective_from <= at and (
                rule.code not in newest or newest[rule.code].version < rule.version
            ):
                newest[rule.code] = rule
        return [
            rule for _, rule in sorted(newest.items()) if rule.effective_to is None or at < rule.effective_to
        ]

    def gates(self, at: datetime) -> list[Rule]:
        """Return what applied at `at` about players themselves, in whichever jurisdiction: age and identity."""
        return [rule for rule in self.in_force(at) if rule.measure in (Measure.AGE, Measure.IDENTITY)]

    def checked_in(self, at: datetime) -> list[str]:
        """Return the jurisdictions in which nobody deposited unverified at `at`; "*" is all of them."""
        return sorted({rule.jurisdiction for rule in self.gates(at) if rule.measure == Measure.IDENTITY})

    def gate(self, measure: Measure, jurisdiction: str, at: datetime) -> Rule | None:
        """Return the rule about age, or about identity, of players of `jurisdiction`; of several the strictest."""
        found = [
            rule
            for rule in _unreplaced(self.gates(at), jurisdiction)
            if rule.measure == measure and rule.jurisdiction in (jurisdiction, EVERYWHERE)
        ]
        return max(found, key=lambda rule: rule.amount or 0, default=None)

    def resolve(self, scope: Scope, at: datetime | None = None) -> Resolved:
        """Return the rules for `scope`, at `at` or as they were last worked out."""
        key = (
            scope.currency,
            scope.carrier,
            scope.method_type,
            scope.phone_number if scope.phone_number in self._keys else bool(scope.phone_number),
            str(scope.partner_id) if str(scope.partner_id) in self._keys else "",
        )
        known = self._resolved.get(key)
        if known is None or (at is not None and not known.valid_from <= at < known.valid_until):
            known = self._resolved[key] = self._work_out(scope, at or self.read_at)
        return known

    def _work_out(self, scope: Scope, at: datetime) -> Resolved:
        found = applying(self.in_force(at), scope)
        applied = tuple(_at(rule, at) for rule in found if rule.limits)
        moments = {
            moment
            for moment in (
                *(rule.effective_from for rule in self.rules),
                *(rule.effective_to for rule in self.rules),
                *(one.since for one in applied if one.until is not None),
                *(one.until for one in applied),
            )
            if moment is not None
        }
        subjects = {Rule.Subject.PLAYER.value, *(one.rule.subject for one in applied if one.counts)}
        if scope.phone_number:
            subjects.add(Rule.Subject.PHONE_NUMBER.value)
        begins = max((moment for moment in moments if moment <= at), default=_ALWAYS)
        ends = min((moment for moment in moments if moment > at), default=_NEVER)
        arguments = _arguments(self.version, begins, ends, applied)
        # In the order in which they are locked.
        arguments["subject_kinds"] = sorted(subjects)
        arguments["checked_in"] = self.checked_in(at)
        # Whose players they are is for the statement to see, so that it looks at the gates of all jurisdictions.
        used = {rule.pk for rule in (*found, *self.gates(at))}
        arguments["ids"] = sorted(used)
        return Resolved(self.version, begins, ends, applied, msgspec.json.encode(arguments).decode())


def applying(in_force: Iterable[Rule], scope: Scope) -> list[Rule]:
    """Return which of the rules are about a deposit of this scope; who is replaced by another of them is not."""
    jurisdiction = jurisdiction_of(scope.currency)
    keys = {Rule.Subject.PARTNER: str(scope.partner_id), Rule.Subject.PHONE_NUMBER: scope.phone_number}
    found = [
        rule
        for rule in in_force
        if rule.jurisdiction in (jurisdiction, EVERYWHERE)
        and rule.carrier in ("", scope.carrier)
        and rule.method_type in ("", scope.method_type)
        and rule.currency in ("", scope.currency)
        and (rule.subject != Rule.Subject.PHONE_NUMBER or scope.phone_number)
        and (not rule.subject_key or rule.subject_key == keys.get(Rule.Subject(rule.subject)))
    ]
    # How a player's own limits count is the jurisdiction's to say; the house rule is for where it is silent.
    spoken = {rule.own for rule in found if rule.own and rule.jurisdiction != EVERYWHERE}
    return [
        rule
        for rule in _unreplaced(found, jurisdiction)
        if not (rule.own and rule.jurisdiction == EVERYWHERE and rule.own in spoken)
    ]


def jurisdiction_of(currency: str) -> str:
    """Return whose rules a deposit in this currency falls under; "*" where nobody's but those of everywhere."""
    return str(settings.JURISDICTIONS.get(currency, EVERYWHERE))


def _unreplaced(rules: Iterable[Rule], jurisdiction: str) -> list[Rule]:
    """Those for which no other one stands in among those of this jurisdiction and of everywhere."""
    found = list(rules)
    heard = (jurisdiction, EVERYWHERE)
    replaced = {rule.replaces for rule in found if rule.replaces and rule.jurisdiction in heard}
    return [rule for rule in found if rule.code not in replaced]


def window_of(rule: Rule) -> Window:
    """Return how a rule counts time."""
    return Window(rule.window, rule.zone, rule.length, rule.anchor_day)


def _at(rule: Rule, at: datetime) -> Applied:
    window = window_of(rule)
    if rule.window == DEPOSIT:
        return Applied(rule, window, None, None)
    return Applied(rule, window, window.start(at), window.end(at))


def minute_of(moment: datetime) -> int:
    """Return the bucket of a moment: minutes since 1970."""
    return int(moment.timestamp() // 60)


def _arguments(
    version: int, begins: datetime, ends: datetime, applied: tuple[Applied, ...]
) -> dict[str, Any]:
    counting = [one for one in applied if one.counts]
    # A window of the calendar begins at a minute that is known; a rolling one where the database's clock says.
    since = [None if one.window.rolls or one.since is None else minute_of(one.since) for one in counting]
    rolls = [f"{one.window.rolls.total_seconds():.0f}s" if one.window.rolls else None for one in counting]
    return {
        "version": version,
        "valid_from": begins,
        "valid_until": ends,
        "subjects": [one.rule.subject for one in counting],
        "measures": [one.rule.measure for one in counting],
        "owns": [one.rule.own or None for one in counting],
        "mosts": [one.rule.amount for one in counting],
        "since": since,
        "rolls": rolls,
    }


@dataclass(slots=True)
class _Seen:
    """The copy of this process, and when it was last known to be up to date."""

    book: Book
    moment: datetime
    at_s: float


_seen: _Seen | None = None


def book() -> Book:
    """Return this process's copy of the rules; it may be out of date."""
    return _seen.book if _seen is not None else refresh()


def refresh() -> Book:
    """Read the rules, and return them."""
    global _seen
    # The version first: a rule that is added meanwhile makes the copy look older than it is, and is read again.
    version, read_at = _version_and_time()
    read = Book(version, read_at, list(Rule.objects.order_by("code", "version")))
    _seen = _Seen(read, read_at, time.monotonic())
    return read


def now() -> tuple[Book, datetime]:
    """Return the rules as they are, and the moment by the database's clock."""
    global _seen
    version, moment = _version_and_time()
    if _seen is None or _seen.book.version != version:
        refresh()
    assert _seen is not None
    _seen = _Seen(_seen.book, moment, time.monotonic())
    return _seen.book, moment


def recent() -> tuple[Book, datetime]:
    """Return the rules and the moment as they were within the last second: `now` without asking each time."""
    if _seen is not None and time.monotonic() - _seen.at_s < _RECENT_S:
        return _seen.book, _seen.moment
    return now()


def gate(measure: Measure, jurisdiction: str) -> Rule | None:
    """Return the rule about age, or about identity, that holds now for players of `jurisdiction`, if there is one."""
    known, at = now()
    return known.gate(measure, jurisdiction, at)


def minimum_age(jurisdiction: str) -> int | None:
    """Return from which age players of `jurisdiction` may deposit; None where no rule says so."""
    found = gate(Measure.AGE, jurisdiction)
    return found.amount if found else None


def _version_and_time() -> tuple[int, datetime]:
    (row,) = _RULEBOOK.rows({})
    return row["version"], row["moment"]
