"""Who waits for whose lock, by what PostgreSQL says."""

from __future__ import annotations

from django.db import connection


def somebody_waits_for_us() -> bool:
    """Whether another connection waits for a lock that this one's transaction holds."""
    # Not from pg_stat_activity, which stays as it is for the rest of a transaction.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        row = cursor.fetchone()
    return bool(row and row[0])
