"""A named SQL statement in a file, prepared by the server: the few hot ones live here, everything else is the ORM."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection

_NAMED = re.compile(r"%\((\w+)\)s")

#: PostgreSQL keeps a plan, also of what functions and triggers ask, until the tables are analysed. Made while a table
#: was nearly empty it reads all of it, and a busy table has tens of thousands of rows before the minute is over after
#: which it is analysed at the earliest.
PLANS_LAST_S: Final = 5.0
_planned_at: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()


class Statement:
    """One SQL file with named parameters (`%(name)s`), and "--" in comments only.

    Django binds parameters on the client, so that PostgreSQL would parse and plan a long statement at each call;
    these are bound and prepared on the server, once per connection.
    """

    def __init__(self, path: Path) -> None:
        lines = (line.partition("--")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
        text = " ".join(filter(None, lines))
        # Numbered here, once: psycopg would look for the names at each call in what is longer than 4 kB.
        self._names = tuple(dict.fromkeys(_NAMED.findall(text)))
        numbers = {name: f"${number}" for number, name in enumerate(self._names, 1)}
        self._sql = _NAMED.sub(lambda found: numbers[found[1]], text).encode()
        # The same at every call, and costly to ask for.
        self._columns: tuple[str, ...] = ()

    def rows(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run it on the current thread's connection, in its transaction if one is open, and return the rows.

        Raises Django's database errors.
        """
        connection.ensure_connection()
        with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
            _have_plans_made_anew(cursor)
            cursor.execute(self._sql, [parameters[name] for name in self._names], prepare=True)
            if not self._columns and cursor.description:
                self._columns = tuple(column.name for column in cursor.description)
            return [dict(zip(self._columns, row, strict=True)) for row in cursor.fetchall()]


def _have_plans_made_anew(cursor: psycopg.RawCursor[Any]) -> None:
    now = time.monotonic()
    if now - _planned_at.setdefault(cursor.connection, now) > PLANS_LAST_S:
        cursor.execute(b"DISCARD PLANS")
        _planned_at[cursor.connection] = now
