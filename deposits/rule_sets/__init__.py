"""The rules that ship, one file for each jurisdiction, and taking them in. Figures and sources: docs/limits.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction

from deposits.models import Rule
from deposits.windows import length_of

Measure, Effect = Rule.Measure, Rule.Effect
_GATES = (Measure.AGE, Measure.IDENTITY)
_EACH_DEPOSIT = (*_GATES, Measure.AMOUNT)
_MONEY = (Measure.AMOUNT, Measure.GROSS, Measure.NET)
SHIPPED = "shipped with the product"
_MOMENTS = ("effective_from", "effective_to")
#: What a person may say about a rule; the rest the product adds.
FIELDS = tuple(
    one.name
    for one in Rule._meta.get_fields()
    if one.name not in ("id", "version", "reviewer", "created_at") and one.concrete
)


class RuleRefused(ValueError):
    """A rule that makes no sense: which field, what was wrong, what would be right."""


def shipped() -> list[dict[str, Any]]:
    """Return the rules in the files, as fields of Rule; moments as datetimes."""
    found = []
    for path in sorted(Path(__file__).parent.rglob("*.json")):
        for given in json.loads(path.read_text(encoding="utf-8")):
            zone = ZoneInfo(given["zone"])
            moments = {
                name: datetime.fromisoformat(given[name]).replace(tzinfo=zone).astimezone(UTC)
                for name in _MOMENTS
                if name in given
            }
            found.append({**given, **moments})
    return found


def load() -> list[Rule]:
    """Add what the files hold and the table has in no version, and return it. Nothing is ever taken away."""
    added: list[Rule] = []
    with transaction.atomic():
        new = (fields for fields in shipped() if not is_known(fields))
        added.extend(add(fields, SHIPPED) for fields in new)
    return added


def is_known(fields: Mapping[str, Any]) -> bool:
    """Whether the table has this rule, in any version."""
    return any(same(fields, rule) for rule in Rule.objects.filter(code=fields["code"]))


def add(fields: Mapping[str, Any], reviewer: str) -> Rule:
    """Add a rule, or the next version of one, in the caller's transaction. Raises `RuleRefused`."""
    check(fields)
    newest = Rule.objects.filter(code=fields["code"]).order_by("-version").first()
    rule = Rule(version=newest.version + 1 if newest else 1, reviewer=reviewer[:100], **fields)
    rule.save(force_insert=True)
    return rule


def same(fields: Mapping[str, Any], rule: Rule) -> bool:
    """Whether a version of a rule says exactly this."""
    said = Rule(**fields)
    return all(getattr(said, name) == getattr(rule, name) for name in FIELDS)


def check(fields: Mapping[str, Any]) -> None:
    """Raise `RuleRefused` for a rule that could not be applied, or that says nothing."""
    said = Rule(**fields)
    for name, choices in (
        ("subject", Rule.Subject),
        ("measure", Measure),
        ("window", Rule.Window),
        ("effect", Effect),
    ):
        if getattr(said, name) not in choices.values:
            raise RuleRefused(f"{name}: {getattr(said, name)!r}; must be one of {', '.join(choices.values)}")
    _check_time(said)
    _check_effect(said)
    _check_amount(said)
    if not said.source.strip():
        raise RuleRefused("source: say where it is written")


def _check_time(said: Rule) -> None:
    if said.zone not in available_timezones():
        raise RuleRefused(f"zone: {said.zone!r}; must be the name of a time zone, such as Europe/London")
    if (said.measure in _EACH_DEPOSIT) != (said.window == Rule.Window.DEPOSIT):
        raise RuleRefused(
            "window: single amounts, age and identity are looked at for each deposit, and nothing else is"
        )
    if said.window == Rule.Window.ROLLING and _length("length", said.length) > timedelta(days=31):
        raise RuleRefused("length: at most 31 days; what is older is not kept")
    if said.window == Rule.Window.BILLING_CYCLE and not 1 <= (said.anchor_day or 0) <= 31:
        raise RuleRefused("anchor_day: must be a day of the month, from 1 to 31")
    if said.effective_to is not None and said.effective_to <= said.effective_from:
        raise RuleRefused("effective_to: must be after effective_from")


def _check_effect(said: Rule) -> None:
    fails, effect = said.measure == Measure.FAILURES, Effect(said.effect)
    if fails != (effect == Effect.COOL_DOWN):
        raise RuleRefused("effect: failed attempts cool down, and nothing else does")
    if fails and said.window != Rule.Window.ROLLING:
        raise RuleRefused("window: failed attempts are counted within a rolling one")
    if said.subject == Rule.Subject.DEVICE and not fails:
        raise RuleRefused("subject: of a device only failed attempts are counted")
    if fails and (said.subject == Rule.Subject.PARTNER or said.subject_key):
        raise RuleRefused("subject: failed attempts are those of each player, phone number or device")
    looks = effect in (Effect.CASE, Effect.HOLD)
    if looks and (said.measure not in (Measure.GROSS, Measure.NET) or said.own):
        raise RuleRefused("measure: a case is opened for gross or net deposits")
    if (looks or said.measure in _GATES) and said.subject != Rule.Subject.PLAYER:
        raise RuleRefused("subject: must be the player")
    if looks and (said.subject_key or said.carrier or said.method_type):
        raise RuleRefused("subject_key, carrier, method_type: a case is about all deposits of a player")
    if effect == Effect.REFUSE:
        if said.lasts:
            raise RuleRefused("lasts: a refusal lasts no time; leave it out")
    else:
        _length("lasts", said.lasts)


def _check_amount(said: Rule) -> None:
    if said.amount is not None and said.measure in _MONEY and not said.currency:
        raise RuleRefused("currency: an amount needs one")
    if said.own and (said.subject != Rule.Subject.PLAYER or said.amount is not None):
        raise RuleRefused(
            "own: the amount is the player's, so the subject is the player and there is none here"
        )
    if said.measure == Measure.IDENTITY:
        if said.amount is not None:
            raise RuleRefused("amount: identity is verified or not; leave it out")
    elif said.amount is None and not (said.own or said.price_points or said.replaces):
        raise RuleRefused("amount: without one it limits nothing, unless it stands in for another rule")
    elif said.amount is None and not said.limits:
        raise RuleRefused("amount: needed; end the rule where it is to stop")


def _length(name: str, text: str) -> timedelta:
    try:
        return length_of(text)
    except ValueError as error:
        raise RuleRefused(f"{name}: {error}") from None
