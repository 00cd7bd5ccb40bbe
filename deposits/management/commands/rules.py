"""`manage.py rules at 2026-09-29`, `rules load`: what applied when, and taking in the rules that ship."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from deposits import rule_sets, rules
from deposits.models import Rule
from deposits.presentation import format_most


class Command(BaseCommand):
    help = "Say which rules applied at a time, or take in the rules that ship with the product."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        at = steps.add_parser("at", help="what applied at a day's beginning, or at a moment")
        at.add_argument("moment", help="2026-09-29, or 2026-09-29T14:00+01:00")
        at.add_argument("--jurisdiction", default="", help="only this one, such as GB")
        steps.add_parser("load", help="add what is new in deposits/rule_sets; harmless to repeat")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["step"] == "load":
            added = rule_sets.load()
            self.stdout.write(f"{len(added)} rules added{''.join(f', {one}' for one in added)}")
            return
        moment = _moment(options["moment"])
        wanted = options["jurisdiction"]
        self.stdout.write(f"In force at {moment.isoformat()}:")
        for rule in rules.refresh().in_force(moment):
            if wanted in ("", rule.jurisdiction):
                self.stdout.write(describe(rule))


def describe(rule: Rule) -> str:
    """Return a rule as lines for people: what, how much, since when, by whose word."""
    ends = f" until {rule.effective_to:%Y-%m-%d}" if rule.effective_to else ""
    about = " ".join(
        filter(None, (rule.get_subject_display(), rule.subject_key, rule.carrier, rule.method_type))
    )
    lines = [
        f"{rule.code} v{rule.version} [{rule.jurisdiction}] {about}: {rule.get_measure_display()}, {_window(rule)}, "
        f"{format_most(rule)}",
        f"    from {rule.effective_from:%Y-%m-%d}{ends}; reviewed: {rule.reviewer}",
        f"    source: {rule.source}",
    ]
    if rule.replaces:
        lines.insert(1, f"    instead of {rule.replaces}")
    if rule.unverified:
        lines.append(f"    not verified: {rule.unverified}")
    return "\n".join(lines)


def _window(rule: Rule) -> str:
    match rule.window:
        case Rule.Window.ROLLING:
            return f"rolling {rule.length}"
        case Rule.Window.BILLING_CYCLE:
            return f"billing cycle from day {rule.anchor_day} ({rule.zone})"
        case Rule.Window.DEPOSIT:
            return "each deposit"
    return f"{rule.get_window_display()} ({rule.zone})"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r}: must be like 2026-09-29 or 2026-09-29T14:00+01:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
