"""`manage.py ledger verify`: recompute the books."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import ledger


class Command(BaseCommand):
    help = "Recompute the ledger and name everything that does not add up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["verify"])

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(ledger.verify())
        for discrepancy in found:
            self.stderr.write(f"{discrepancy.what}: {discrepancy.detail}")
        if found:
            raise CommandError(f"{len(found)} discrepancies")
        self.stdout.write("The ledger adds up.")
