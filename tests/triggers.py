"""The walls of a table taken down, as only its owner can: for rows as no code of ours would make them."""

from __future__ import annotations

from typing import Any


def triggers_off(cursor: Any, table: str) -> None:
    """Disable what guards the rows of `table`; in a test's transaction the guards stand again when it is over.

    A vacuum that PostgreSQL began by itself makes way for this, but on a busy machine later than we wait for a lock.
    """
    cursor.execute("SET lock_timeout = '60s'")
    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    cursor.execute("RESET lock_timeout")
