"""A clock for the database that stands where a test puts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection


def stand_at(at: datetime) -> None:
    """Let the statements of this connection read `at`, until `run_again`."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS standing_clock")
        cursor.execute(
            "CREATE OR REPLACE FUNCTION standing_clock.now() RETURNS timestamptz LANGUAGE sql STABLE "
            f"RETURN timestamptz '{at.isoformat()}'"
        )
        cursor.execute("SET search_path TO standing_clock, pg_catalog, public")


def run_again() -> None:
    """Let the statements of this connection read the true time."""
    with connection.cursor() as cursor:
        cursor.execute("RESET search_path")


@contextmanager
def standing_at(at: datetime) -> Iterator[None]:
    """Stand at `at` for the block."""
    stand_at(at)
    try:
        yield
    finally:
        run_again()
