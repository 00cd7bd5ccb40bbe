"""A named SQL statement in a file, prepared by the server: the few hot ones live here, everything else is the ORM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection


class Statement:
    """One SQL file with named parameters (`%(name)s`), and "--" in comments only.

    Django binds parameters on the client, so that PostgreSQL would parse and plan a long statement at each call;
    these are bound and prepared on the server, once per connection.
    """

    def __init__(self, path: Path) -> None:
        # Without comments and indentation: psycopg remembers what it has parsed only up to 4 kB.
        lines = (line.partition("--")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
        self._sql = " ".join(filter(None, lines)).encode()
        # The same at every call, and costly to ask for.
        self._columns: tuple[str, ...] = ()

    def rows(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run it on the current thread's connection, in its transaction if one is open, and return the rows.

        Raises Django's database errors.
        """
        connection.ensure_connection()
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(self._sql, parameters, prepare=True)
            if not self._columns and cursor.description:
                self._columns = tuple(column.name for column in cursor.description)
            return [dict(zip(self._columns, row, strict=True)) for row in cursor.fetchall()]
