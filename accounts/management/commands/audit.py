"""`manage.py audit verify`: walk the chain of the audit trail."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import audit


class Command(BaseCommand):
    help = "Verify the chain of the audit trail and name the first record at which it breaks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["verify"])

    def handle(self, *args: Any, **options: Any) -> None:
        broken = audit.verify()
        if broken is not None:
            raise CommandError(f"audit record {broken.record_id}: {broken.detail}")
        self.stdout.write("The audit trail is unbroken.")
