"""`manage.py migrate`, for a site that goes on meanwhile: it waits for no lock for long, and tries again instead.

A migration that waits for a lock makes everybody wait who comes after it. Django's command is otherwise unchanged.
"""

from __future__ import annotations

import random
import time
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import OperationalError, connection

from accounts.conflicts import LOCK_NOT_AVAILABLE, sqlstate_of

_TRIES = 30
_PAUSE_S = 1.0
_INVALID_INDEXES = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"


class Command(migrate.Command):
    """Django's own, with a patience of its own."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. What was migrated before a lock could not be had stays so; the rest is tried again."""
        for left in reversed(range(_TRIES)):
            with connection.cursor() as cursor:
                # Building an index takes as long as it takes; only waiting for others is bounded: by half of what a
                # request waits, which may have begun to wait behind us right after we did.
                cursor.execute("SET statement_timeout = 0")
                cursor.execute(f"SET lock_timeout = {settings.DATABASE_LOCK_TIMEOUT_MS // 2}")
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if sqlstate_of(error) != LOCK_NOT_AVAILABLE or not left:
                    raise
            self.stdout.write("\nA table is in use; letting others go first and trying again.")
            time.sleep(_PAUSE_S * random.uniform(0.5, 1.5))  # noqa: S311
            self._drop_invalid_indexes()

    def _drop_invalid_indexes(self) -> None:
        """An index whose building was given up stands in the way of its own second try."""
        with connection.cursor() as cursor:
            cursor.execute(_INVALID_INDEXES)
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
