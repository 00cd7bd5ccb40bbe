"""Tells a process's streams that a deposit has moved: one listening connection per process, never one per stream."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from django.conf import settings
from psycopg.conninfo import make_conninfo

log = structlog.get_logger("deposits.live")

CHANNEL = "deposits"
#: Without news for this long the connection is asked whether it still lives.
_CHECK_EVERY_S = 15.0
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.2, 5.0


class Wakeups:
    """Who waits for news of which deposit. For one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.listening = False

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @contextmanager
    def subscribed(self, reference: str) -> Iterator[asyncio.Event]:
        """An event that is set at each news of the deposit, until the block is left."""
        woken = asyncio.Event()
        self._waiting.setdefault(reference, set()).add(woken)
        try:
            yield woken
        finally:
            waiting = self._waiting[reference]
            waiting.discard(woken)
            if not waiting:
                del self._waiting[reference]

    def wake(self, reference: str) -> None:
        """There is news of this deposit."""
        for woken in self._waiting.get(reference, ()):
            woken.set()

    def wake_all(self) -> None:
        """There may be news of any deposit."""
        for waiting in self._waiting.values():
            for woken in waiting:
                woken.set()

    async def listen(self) -> None:
        """Listen for ever; after each lost connection come back, and wake everybody for what was missed."""
        backoff_s = _FIRST_BACKOFF_S
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError) as error:
                log.warning("listening_interrupted", error=type(error).__name__)
            if self.listening:
                self.listening, backoff_s = False, _FIRST_BACKOFF_S
            await asyncio.sleep(backoff_s * random.uniform(0.8, 1.2))  # noqa: S311
            backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)

    async def _listen_once(self) -> None:
        async with await psycopg.AsyncConnection.connect(_conninfo(), autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.listening = True
            self.wake_all()
            while True:
                async for notice in connection.notifies(timeout=_CHECK_EVERY_S):
                    self.wake(notice.payload)
                await connection.execute("SELECT 1")


def _conninfo() -> str:
    """Where the database is, as psycopg takes it."""
    database = settings.DATABASES["default"]
    given: dict[str, Any] = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
        "application_name": "paysite-live",
        "connect_timeout": 3,
        # Without these a host that vanished would be listened to for hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
    }
    return make_conninfo(**{name: value for name, value in given.items() if value})
