"""`manage.py seed_demo`: what a first look needs: a partner with a test key, a demo player, a member of staff."""

from __future__ import annotations

import json
import os
import secrets
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts import api_keys, ledger
from accounts.models import ApiKey, Partner, Player, PlayerPhone, User
from accounts.protections.register import NEVER_DUE
from deposits import rule_sets

DEMO_PARTNER = "demo-casino"
DEMO_PLAYER = "demo-player"
DEMO_PHONE = "+447700900001"
_STAFF = "staff"
#: The sandbox's numbers that have a story, and those of the demo's lobby.
STORIES = tuple(f"+447700900{ending:03}" for ending in range(1, 23))


class Command(BaseCommand):
    help = "Create the demo partner, API key, player and member of staff; harmless to repeat. Refused without DEMO=1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one line of JSON for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Demo data opens doors: set DEMO=1, and never in production.")
        with transaction.atomic():
            facts = seed()
        self.stdout.write(
            json.dumps(facts) if options["json"] else "\n".join(f"{k}: {v}" for k, v in facts.items())
        )


def _lift_caps_of_stories() -> None:
    """The numbers with a story are everybody's, so that no month's cap ends them; all others have the country's."""
    for number in STORIES:
        fields = {
            "code": f"sandbox-story-{number[-3:]}",
            "jurisdiction": "GB",
            "subject": "phone_number",
            "subject_key": number,
            "measure": "gross",
            "window": "month",
            "zone": "Europe/London",
            "replaces": "gb-psr-month",
            "effective_from": datetime(2018, 1, 13, tzinfo=UTC),
            "source": "The sandbox: a number whose story is told again and again",
        }
        if not rule_sets.is_known(fields):
            rule_sets.add(fields, rule_sets.SHIPPED)


def seed() -> dict[str, Any]:
    """Create what is missing and return {"api_key", "staff": {"username", "password"}}."""
    partner, _ = Partner.objects.get_or_create(slug=DEMO_PARTNER, defaults={"name": "Demo Casino"})
    Partner.objects.filter(pk=partner.pk, return_addresses=[]).update(
        return_addresses=settings.DEMO_RETURN_ADDRESSES
    )
    key = os.environ.get("DEMO_API_KEY", "")
    key = api_keys.issue(partner, "demo", ApiKey.Mode.TEST, key=key)
    player, _ = Player.objects.get_or_create(
        partner=partner,
        external_id=DEMO_PLAYER,
        defaults={
            "weekly_limit_minor": 50_000,
            "is_test": True,
            "identity_state": Player.Identity.VERIFIED,
            "register_fresh_until": NEVER_DUE,
        },
    )
    phone, _ = PlayerPhone.objects.get_or_create(player=player, number=DEMO_PHONE)
    if phone.verified_at is None:
        PlayerPhone.objects.filter(pk=phone.pk).update(verified_at=phone.created_at)
    ledger.player_account_id(player.pk, "GBP")
    _lift_caps_of_stories()
    password = os.environ.get("STAFF_PASSWORD") or secrets.token_urlsafe(12)
    staff, _ = User.objects.get_or_create(
        username=_STAFF,
        defaults={"is_staff": True, "is_superuser": True, "first_name": "Demo", "last_name": "Staff"},
    )
    staff.set_password(password)
    staff.save(update_fields=["password"])
    return {"api_key": key, "staff": {"username": _STAFF, "password": password}}
