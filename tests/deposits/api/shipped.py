"""The rules that ship, by which test goes to their edge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from deposits import rule_sets
from deposits.models import Accumulator
from deposits.rules import minute_of

Shipped = dict[str, Any]
#: Each version of each rule.
RULES = rule_sets.shipped()


def _limits(rule: Shipped) -> bool:
    return bool(rule.get("effect", "refuse") == "refuse")


#: Which rules a test is for. One that ships and is none of these, or two, fails (test_shipped_rules.py).
KINDS: dict[str, Callable[[Shipped], bool]] = {
    "single amount": lambda rule: _limits(rule) and rule["measure"] == "amount",
    "by number": lambda rule: (
        _limits(rule) and (rule["measure"], rule["subject"]) == ("gross", "phone_number")
    ),
    "own limit": lambda rule: _limits(rule) and "own" in rule,
    "identity": lambda rule: _limits(rule) and rule["measure"] == "identity",
    "age": lambda rule: _limits(rule) and rule["measure"] == "age",
    "velocity": lambda rule: (rule["measure"], rule.get("effect")) == ("failures", "cool_down"),
    "case": lambda rule: (rule["measure"], rule.get("effect")) == ("net", "case"),
}


def name(rule: Shipped) -> str:
    """Return what a version of a rule is called in a list of tests."""
    return f"{rule['code']}@{rule['effective_from']:%Y-%m-%d}"


def each(kind: str) -> pytest.MarkDecorator:
    """Run a test for each rule of a kind; it is called `rule`."""
    found = [pytest.param(rule, id=name(rule)) for rule in RULES if KINDS[kind](rule)]
    return pytest.mark.parametrize("rule", found)


def already(kind: str, subject: str, currency: str, minor: int, ago: timedelta, at: datetime) -> None:
    """Let so much have been deposited some time ago."""
    Accumulator.objects.update_or_create(
        subject_kind=kind,
        subject=subject,
        currency=currency,
        defaults={
            "minutes": [minute_of(at - ago)],
            "reserved": [0],
            "settled": [minor],
            "returned": [0],
            "counts": [1],
        },
    )
