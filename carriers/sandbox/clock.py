"""The sandbox's clock: wall time plus an offset that only grows, and what is due on it."""

from __future__ import annotations

import asyncio
import heapq
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count

logger = logging.getLogger(__name__)

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)


class Clock:
    """Times are seconds since 1970, to the millisecond: what is shown and what is compared are the same."""

    def __init__(self) -> None:
        self.offset_s = 0.0
        self._last = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """The sandbox's time. It never runs back, so payments stay sorted by their creation."""
        self._last = max(self._last, int((time.time() + self.offset_s) * 1000) / 1000)
        return self._last

    def at(self, due: float, action: Callable[[], None]) -> None:
        """Call `action` once the clock reaches `due`; in order of `due`, then of asking."""
        heapq.heappush(self._due, (due, next(self._order), action))
        if self._due[0][0] >= due:
            self._arm()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock, so that advancing it ends the wait."""
        if seconds <= 0:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(self.now() + seconds, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds` (never back) and do what has become due."""
        self.offset_s += max(0.0, seconds)
        self._fire()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due:
            wait = max(0.0, self._due[0][0] - self.now())
            self._timer = asyncio.get_running_loop().call_later(wait, self._fire)

    def _fire(self) -> None:
        while self._due and self._due[0][0] <= self.now():
            action = heapq.heappop(self._due)[2]
            try:
                action()
            except Exception:
                logger.exception("an action due on the sandbox's clock failed")
        self._arm()


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def stamp(at: float) -> str:
    """RFC 3339 in UTC with milliseconds, as the carrier writes times."""
    second, millisecond = divmod(round(at * 1000), 1000)
    return f"{_second(second)}.{millisecond:03d}Z"


def read_stamp(text: str) -> float | None:
    """Seconds since 1970 of an RFC 3339 time with a time zone, or None when it is not one."""
    if not _RFC3339.match(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).timestamp()
    except (ValueError, OverflowError):
        return None
