"""`manage.py messages`: brings the catalogues up to what is marked in the source, and says what they lack."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from paysite import catalogues


class Command(BaseCommand):
    """Needs neither a database nor any program of GNU gettext."""

    help = "Bring the catalogues of the players' languages up to date, and make what Django reads of them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One language more, or only what a fresh installation needs."""
        parser.add_argument(
            "--add", metavar="LANGUAGE", help="begin a catalogue for one more language, like fr"
        )
        parser.add_argument("--compile", action="store_true", help="only make what Django reads")

    def handle(self, *args: Any, **options: Any) -> None:
        """Update, then make. Exits 0 also when something is left to translate: `make check` is what insists."""
        if not options["compile"]:
            added = [options["add"]] if options["add"] else []
            for language in (*catalogues.languages(), *added):
                catalogues.update(language)
                for problem in catalogues.problems(language):
                    self.stdout.write(problem)
        catalogues.compile_stale(Path(settings.LOCALE_PATHS[0]))
