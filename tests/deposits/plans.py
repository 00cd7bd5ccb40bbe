"""Looking at the plans of statements: whether they would read a whole table, however few rows it has now."""

from __future__ import annotations

from typing import Any

from django.db import connection


def plan(sql: str, parameters: Any = None) -> str:
    """Return the plan of a query for a planner that would do anything to avoid reading a whole table."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", parameters)
        return "\n".join(row[0] for row in cursor.fetchall())


def reads_no_whole_table(text: str) -> bool:
    return "Seq Scan on deposits_" not in text and "Seq Scan on accounts_player" not in text
