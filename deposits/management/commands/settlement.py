"""`manage.py settlement import <carrier> <file.csv>`: take in a settlement file and compare it with what we have."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deposits.reconciliation.reconcile import close_finished_days, reconcile
from deposits.reconciliation.settlement_file import SettlementRefused, take_in


class Command(BaseCommand):
    help = "Import a carrier's settlement file, or look for what is missing in those whose day is over."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        importing = steps.add_parser("import", help="take in a file; the same bytes again change nothing")
        importing.add_argument("carrier", help="code of the carrier, such as sandbox-mobile")
        importing.add_argument("file", type=Path, help="CSV as docs/settlement.md describes")
        importing.add_argument(
            "--date", type=date.fromisoformat, help="day that the file settles (default: its latest date)"
        )
        steps.add_parser("close", help="look for what is missing in files whose day is over by now")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["step"] == "close":
            self.stdout.write(f"{close_finished_days()} files closed")
            return
        path: Path = options["file"]
        try:
            content = path.read_bytes()
            file, created = take_in(
                options["carrier"], path.name, content, by=getpass.getuser(), day=options["date"]
            )
        except (OSError, SettlementRefused) as error:
            raise CommandError(str(error)) from None
        counts = reconcile(file)
        known = "" if created else ", imported before"
        self.stdout.write(f"{file.carrier} {file.day}: {file.lines_count} lines{known}")
        for verdict, number in counts.items():
            if number:
                self.stdout.write(f"  {verdict}: {number}")
        if file.closed_at is None:
            self.stdout.write("  its day is not over: what is missing in it is looked for later")
