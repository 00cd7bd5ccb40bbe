"""Looks at the books while everything dies: one snapshot after another, each of which must sum to zero."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

#: In one statement, and so in one snapshot: all postings, and what players have against what was posted to them.
_SUMS = """
SELECT coalesce((SELECT sum(amount_minor) FROM accounts_posting), 0)::bigint,
    coalesce((SELECT sum(balance_minor) FROM accounts_ledgeraccount WHERE kind = 'player'), 0)::bigint
    - coalesce((SELECT sum(p.amount_minor) FROM accounts_posting AS p JOIN accounts_ledgeraccount AS a
        ON a.id = p.account_id WHERE a.kind = 'player'), 0)::bigint
"""
#: Deposits that workers still have to do with.
_OPEN = "SELECT count(*) FROM deposits_deposit WHERE resolved_at IS NULL AND state NOT IN ('review', 'action_required')"
_EVERY_S = 0.5


class BankReads:
    """Reads in a thread of its own until it is stopped. `wrong` holds what did not sum to zero."""

    def __init__(self, database_url: str) -> None:
        self.reads = 0
        #: How many deposits workers have to do with, at the last look.
        self.open = 0
        self.wrong: list[str] = []
        self._url = database_url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bank-reads", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        database: psycopg.Connection[Any] | None = None
        while not self._stop.wait(_EVERY_S):
            try:
                if database is None or database.closed:
                    database = psycopg.connect(self._url, autocommit=True, connect_timeout=1)
                sums = database.execute(_SUMS).fetchone()
                (self.open,) = database.execute(_OPEN).fetchone() or (0,)
            except psycopg.Error:
                database = None  # it is one of those that die
                continue
            self.reads += 1
            if sums != (0, 0):
                self.wrong.append(f"all postings {sums}")
