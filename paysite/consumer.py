"""How a worker's parent survives what goes away and comes back: Celery's consumer, but for a few things.

Whatever ends the parent ends its children and their work, and takes seconds to be there again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from celery.worker.consumer import Consumer

log = structlog.get_logger("paysite.consumer")

#: Seconds between two tries to connect again: at first, how much more each time, at most. Celery's own (2, 2, 30) leave
#: a worker deaf for long after Redis is back, while rings are taken as if somebody heard them.
_FIRST_S, _MORE_S, _MOST_S = 0.1, 0.2, 1.0


class PatientConsumer(Consumer):
    """Connects again soon, and takes no harm from rings, connections and children that are gone."""

    #: At the first start (-1 in Celery) a child that was killed meanwhile would end the parent; it is replaced instead.
    restart_count = 0

    def ensure_connected(self, conn: Any) -> Any:
        """Return `conn`, connected, however long that takes."""
        conn.ensure_connection = partial(
            conn.ensure_connection,
            interval_start=_FIRST_S,
            interval_step=_MORE_S,
            interval_max=_MOST_S,
        )
        return super().ensure_connected(conn)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """The connection is lost. That it cannot be closed in order either is no reason to end.

        Kombu 5.7 puts back what was not acknowledged while it closes a channel, and raises AttributeError where that
        channel's own connection is gone already. Redis rings again for it.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            log.warning("connection_not_closed", error=str(error))

    def on_close(self) -> None:
        """The connection is given up. Children that have died and are not reaped yet are watched anew.

        Celery 5.7 remembers None for what it watched of them, and would end when it finds that on the new connection.
        """
        super().on_close()
        for child in getattr(self.pool._pool, "_pool", ()):
            if getattr(child, "_sentinel_poll", child) is None:
                del child._sentinel_poll

    def call_soon_ack(self, p: Callable[..., Any], *args: Any) -> Any:
        """Have a message acknowledged; one whose channel was closed meanwhile is let be.

        Kombu 5.7 raises AttributeError for it, which would end the parent. Redis rings again for what was not
        acknowledged, and a ring too many does no harm.
        """
        return super().call_soon_ack(partial(_forgiving, p), *args)  # type: ignore[misc]  # the stubs do not know it


def _forgiving(acknowledge: Callable[..., Any], *args: Any) -> None:
    try:
        acknowledge(*args)
    except AttributeError as error:
        log.warning("ring_not_acknowledged", error=str(error))
