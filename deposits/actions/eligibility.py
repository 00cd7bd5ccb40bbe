"""Whether a deposit would be accepted, and if not why: every check and every rule that applies, with its figures.

One function for the API, for the page and for the words of a refusal. It reads accumulators and never sums deposits;
what decides is the accept statement, a moment later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Player
from accounts.protections import bars
from accounts.protections.bars import DETAILS, Bar
from carriers.profiles import CarrierProfile
from deposits import limits, rules, velocity
from deposits.actions.refusal import Refusal
from deposits.limits import Standing
from deposits.models import Accumulator, Rule
from deposits.rules import Book, Scope

Subject, Measure = Rule.Subject, Rule.Measure
_RANGE, _LEARNT = "range", "carrier-refused"


@dataclass(frozen=True, slots=True)
class Check:
    """Something about the player himself that may stop every deposit, whatever its amount."""

    code: str
    """Stable: "blocked"."""
    source: str
    """Where it is written that this is looked at."""
    reasons: frozenset[str]
    """Codes of the bars (accounts/protections/bars.py) that are this check's."""

    measure: str = ""
    """Of the rule that asks for it (Rule.Measure), whose source is told where there is one."""

    def verdict(self, refusal: Refusal | None, sources: Mapping[str, str]) -> Verdict:
        """Return what this check says to what keeps the player from depositing, if anything does."""
        stops = refusal is not None and refusal.code in self.reasons
        return Verdict(self.code, sources.get(self.measure, self.source), refusal if stops else None)


#: The accept statement decides by the same verdict (`barred`), whose order is that of the SQL function accounts_bar.
CHECKS: list[Check] = [
    Check("time-out", "Gambling Commission, RTS 14B", frozenset({"time_out_active"})),
    Check("self-exclusion", "Gambling Commission, SR code 3.5.3", frozenset({"self_excluded"})),
    Check("blocked", "The operator's own decision", frozenset({"not_accepted"})),
    Check("age", "No rule of this jurisdiction", frozenset({"under_age"}), Measure.AGE),
    Check("velocity", "No rule of this jurisdiction", frozenset({"too_many_requests"}), Measure.FAILURES),
    Check("identity", "No rule of this jurisdiction", frozenset({"checks_needed"}), Measure.IDENTITY),
]


def bar_of(player: Player) -> Bar | None:
    """Return what keeps the player from depositing whatever the method is, or None."""
    book, at = rules.now()
    return bars.standing(player.pk, limits.today(), book.checked_in(at))


def barred(bar: Bar, jurisdiction: str) -> Refusal:
    """Return the refusal of a player of `jurisdiction` who may not deposit."""
    facts: dict[str, Any] = {"ends_at": bar.ends_at} if bar.ends_at else {}
    if bar.code == "under_age":
        facts["years"] = rules.minimum_age(jurisdiction)
    return Refusal(bar.code, DETAILS[bar.code], "player", facts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check or one rule says. `refusal` is None when it lets the deposit pass."""

    code: str
    source: str
    refusal: Refusal | None
    standing: Standing | None = None

    @property
    def passes(self) -> bool:
        """Whether the deposit may go on as far as this is concerned."""
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Eligibility:
    """What one player may deposit by one method, at a moment. Amounts in minor units."""

    at: datetime
    player: Player | None
    profile: CarrierProfile
    standings: tuple[Standing, ...]
    checked: tuple[Verdict, ...]
    """What is looked at whatever the amount is."""
    learnt: Learnt | None

    @property
    def most_minor(self) -> int:
        """The most that would be accepted; less than the carrier's least when nothing would."""
        if not all(one.passes for one in self.checked):
            return 0
        lefts = [0 if one.left == 0 else None if one.counts_deposits else one.left for one in self.standings]
        known = [left for left in lefts if left is not None]
        most = min([self.profile.maximum_minor, *known])
        return most if self.learnt is None else min(most, self.learnt.refused_minor - 1)

    @property
    def price_points(self) -> tuple[int, ...]:
        """The only amounts there are; empty: any."""
        points = [set(one.rule.price_points) for one in self.standings if one.rule.price_points]
        return tuple(sorted(set.intersection(*points))) if points else ()

    @property
    def own(self) -> list[Standing]:
        """The player's own limits that are set, that with the least left first."""
        found = [one for one in self.standings if one.rule.own and one.most is not None]
        return sorted(found, key=lambda one: one.left or 0)

    @property
    def caps(self) -> list[Standing]:
        """What the carrier lets the number be charged over time, that with the least left first."""
        found = [
            one for one in self.standings if one.rule.subject == Subject.PHONE_NUMBER and one.applied.counts
        ]
        return sorted((one for one in found if one.most is not None), key=lambda one: one.left or 0)

    def verdicts(self, amount_minor: int | None = None) -> list[Verdict]:
        """Return what every check and rule says about this amount, or about the least there is. Who fails comes first.

        The player's own limits come before the carrier's: who has reached them is not to be sent to another carrier.
        """
        asked = self.profile.minimum_minor if amount_minor is None else amount_minor
        found = [
            *self.checked,
            _ranged(self.profile, amount_minor),
            *(
                _judged(one, asked, self.profile)
                for one in self.standings
                if one.applied.counts or amount_minor is not None
            ),
        ]
        if self.learnt is not None:
            found.append(self.learnt.verdict(asked, self.profile))
        return sorted(found, key=_precedence)

    def refusal(self, amount_minor: int | None = None) -> Refusal | None:
        """Return why this amount would be refused, the first reason of all; None when it would be accepted."""
        return self.verdicts(amount_minor)[0].refusal


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a carrier has refused for its own cap, and until when as much need not be asked again."""

    refused_minor: int
    until: datetime

    def verdict(self, asked_minor: int, profile: CarrierProfile) -> Verdict:
        """Return what follows for a deposit."""
        source = f"The answer of {profile.name} to an earlier deposit"
        if asked_minor < self.refused_minor:
            return Verdict(_LEARNT, source, None)
        detail = f"{profile.name} has refused {self.refused_minor} minor units for its own cap."
        facts = {"resets_at": self.until, "network": profile.name}
        return Verdict(_LEARNT, source, Refusal("carrier_monthly_limit", detail, "amount", facts))


def eligibility(
    partner_id: int,
    player: Player | None,
    profile: CarrierProfile,
    currency: str,
    method_type: str,
    phone_number: str,
    device: str = "",
) -> Eligibility:
    """Return how everything stands that could stop a deposit. `player` is None for one that is not known yet."""
    scope = Scope(partner_id, currency, profile.code, method_type, phone_number)
    book, at = rules.now()
    rows = limits.accumulators(scope, player.pk if player else None)
    standings = [
        limits.standing(one, rows.get(one.rule.subject), player, at) for one in book.resolve(scope, at).rules
    ]
    checked = _checked(book, at, player, scope, device) if player else []
    learnt = _learnt(rows.get(Subject.PHONE_NUMBER), at)
    return Eligibility(at, player, profile, tuple(standings), tuple(checked), learnt)


def _checked(book: Book, at: datetime, player: Player, scope: Scope, device: str) -> list[Verdict]:
    """What is looked at whatever the amount is."""
    bar = bars.standing(player.pk, limits.today(), book.checked_in(at))
    bar = bar or velocity.bar(player, scope.phone_number, device)
    refusal = barred(bar, player.jurisdiction) if bar else None
    asking = [
        *(book.gate(measure, player.jurisdiction, at) for measure in (Measure.AGE, Measure.IDENTITY)),
        *velocity.counting(rules.applying(book.in_force(at), scope)),
    ]
    sources = {rule.measure: rule.source for rule in asking if rule is not None}
    return [check.verdict(refusal, sources) for check in CHECKS]


def _learnt(row: Accumulator | None, at: datetime) -> Learnt | None:
    if row is None or row.refused_minor is None or row.refused_until is None or row.refused_until <= at:
        return None
    return Learnt(row.refused_minor, row.refused_until)


def _ranged(profile: CarrierProfile, amount_minor: int | None) -> Verdict:
    least, most = profile.minimum_minor, profile.maximum_minor
    source = f"What {profile.name} takes"
    if amount_minor is None or least <= amount_minor <= most:
        return Verdict(_RANGE, source, None)
    detail = f"Send an amount from {least} to {most} minor units for {profile.name}."
    facts = {"minimum_minor": least, "maximum_minor": most}
    return Verdict(_RANGE, source, Refusal("amount_out_of_range", detail, "amount", facts))


def _judged(standing: Standing, asked_minor: int, profile: CarrierProfile) -> Verdict:
    refusal = None if standing.allows(asked_minor) else refusal_by(standing, asked_minor, profile)
    return Verdict(standing.rule.code, standing.rule.source, refusal, standing)


def _precedence(verdict: Verdict) -> tuple[bool, int, int]:
    """Of those who fail: checks of the player, then the range, then the player's limits, single amounts, the rest."""
    standing = verdict.standing
    if standing is None:
        return verdict.passes, {_RANGE: 1, _LEARNT: 5}.get(verdict.code, 0), 0
    if standing.rule.subject == Subject.PLAYER:
        return verdict.passes, 2, standing.left or 0
    return verdict.passes, 4 if standing.applied.counts else 3, standing.left or 0


def refusal_by(standing: Standing, asked_minor: int, profile: CarrierProfile) -> Refusal:
    """Return the refusal of a rule, with the figures that its words need."""
    rule = standing.rule
    facts: dict[str, Any] = {
        "network": profile.name,
        "rule": rule.code,
        "window": rule.window,
        "length": rule.length,
    }
    if standing.most is not None:
        facts |= {"used_minor": standing.used, "most_minor": standing.most, "left_minor": standing.left}
    if standing.resets_at is not None:
        facts["resets_at"] = standing.resets_at
    if rule.subject == Subject.PARTNER:
        return Refusal("not_accepted", f"You have reached the limit {rule.code}.", "amount", facts)
    if rule.subject == Subject.PLAYER:
        code = "limit_would_exceed" if standing.left else "limit_reached"
        return Refusal(
            code, f"The player has {standing.left} minor units left, by {rule.code}.", "amount", facts
        )
    if standing.applied.counts:
        detail = f"The number has {standing.left} minor units left, by {rule.code}."
        return Refusal("carrier_monthly_limit", detail, "amount", facts)
    if rule.price_points:
        detail = f"Send one of {', '.join(map(str, rule.price_points))} minor units."
    else:
        detail = f"Send at most {rule.amount} minor units, by {rule.code}."
    return Refusal("carrier_payment_limit", detail, "amount", facts)
