"""Looking at how statements read: whether they would read a whole table, or have done so."""

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


def rows_scanned(*tables: str) -> int:
    """How many rows of these tables this transaction has read by going through all of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname = ANY (%s)", [list(tables)]
        )
        return int(cursor.fetchone()[0])
