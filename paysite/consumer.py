"""How a worker's parent survives a Redis that goes away and comes back: Celery's consumer, but for two things."""

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
    """Connects again soon, and takes no harm from rings that came by a connection that is gone."""

    def ensure_connected(self, conn: Any) -> Any:
        """Return `conn`, connected, however long that takes."""
        conn.ensure_connection = partial(
            conn.ensure_connection,
            interval_start=_FIRST_S,
            interval_step=_MORE_S,
            interval_max=_MOST_S,
        )
        return super().ensure_connected(conn)

    def call_soon_ack(self, p: Callable[..., Any], *args: Any) -> Any:
        """Have a message acknowledged; one whose channel was closed meanwhile is let be.

        Kombu 5.7 raises AttributeError for it, which would end the parent, all its children and their work. Redis
        rings again for what was not acknowledged, and a ring too many does no harm.
        """
        return super().call_soon_ack(partial(_forgiving, p), *args)  # type: ignore[misc]  # the stubs do not know it


def _forgiving(acknowledge: Callable[..., Any], *args: Any) -> None:
    try:
        acknowledge(*args)
    except AttributeError as error:
        log.warning("ring_not_acknowledged", error=str(error))
