"""Connections to PostgreSQL that do not wait for ever, whatever has become of the server."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from django.conf import settings
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

Answer = TypeVar("Answer")


class BoundedConnection(psycopg.Connection[TupleRow]):
    """Gives up an answer after DATABASE_ANSWER_S seconds, by our own clock, and closes.

    `statement_timeout` is the server's to keep: it does not bound a commit that waits for a synchronous standby, nor
    a server that is frozen while its kernel still acknowledges. What became of the statement is then not known; the
    caller is told 503 and asks again with the same key.
    """

    def wait(self, gen: PQGen[Answer], *arguments: Any, **options: Any) -> Answer:
        """Run `gen` to its end. Raises OperationalError when the server has not answered in time."""
        options.setdefault("timeout", settings.DATABASE_ANSWER_S)
        try:
            return super().wait(gen, *arguments, **options)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the database has not answered within {settings.DATABASE_ANSWER_S:g} s"
            ) from None
