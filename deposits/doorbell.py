"""The doorbell: tells the workers that due rows exist. It carries no state; losing it costs at most one sweep.

Requests never wait for Redis. They set a flag, and one thread per process rings on their behalf: many deposits that
are accepted at once cost one message, and a Redis that is frozen, full or away costs nobody anything.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from enum import Enum, auto

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from prometheus_client import Counter
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger("deposits.doorbell")

#: Rings that no worker can have heard: the sweeper makes up for each.
FAILURES = Counter("paysite_doorbell_failures", "Rings that Redis did not take in time.")

QUEUE = "carriers"
DRAIN_TASK = "deposits.drain"
#: A ring that no worker has answered yet need not be repeated for this long.
RUNG_FOR_MS = 200
#: Redis has this long to take a ring; after a failure it is left alone for a while.
_BUDGET_S = 0.3
PAUSE_AFTER_FAILURE_S = 1.0
_RUNG_KEY = "doorbell:carriers"
#: How often a worker has come, in all: whoever rings sees by it that somebody hears.
_ANSWERS_KEY = "doorbell:carriers:answers"


class _Rung(Enum):
    """What became of a ring. BEFORE: it was rung already, and nobody has come yet, or somebody looks anyway."""

    NOW = auto()
    BEFORE = auto()
    FAILED = auto()


#: A deposit that is accepted right after another waits at most this long for its ring.
_PAUSES_S = {_Rung.NOW: 0.02, _Rung.BEFORE: 0.05, _Rung.FAILED: PAUSE_AFTER_FAILURE_S}


class _Ringer:
    """The ringing thread of one process. Made anew after a fork, because threads do not survive one."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._wanted = threading.Event()
        threading.Thread(target=self._run, name="doorbell", daemon=True).start()

    def want(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            # Asleep, the thread costs a request nothing: what is accepted meanwhile is rung for together.
            time.sleep(_PAUSES_S[_ring()])


_ringer: _Ringer | None = None
_lock = threading.Lock()
_redis: tuple[int, Redis] | None = None


def ring() -> None:
    """Have the bell rung once the current transaction commits (at once when none is open). Never blocks or raises."""
    if connection.in_atomic_block:
        transaction.on_commit(lambda: _current_ringer().want(), robust=True)
        return
    # Django would take a connection only to see that there is no transaction.
    try:
        _current_ringer().want()
    except RuntimeError as error:
        # The process may not have one thread more. What was accepted is found by the sweeper.
        _count_failure(error)


def ring_now() -> bool:
    """Ring in this thread, within its budget, and return whether the workers can know of it."""
    return _ring() is not _Rung.FAILED


def _ring() -> _Rung:
    try:
        if not _connection().set(_RUNG_KEY, b"1", nx=True, px=RUNG_FOR_MS):
            return _Rung.BEFORE
        current_app.send_task(DRAIN_TASK, queue=QUEUE, retry=False)
    except (RedisError, OSError, OperationalError) as error:
        _count_failure(error)
        return _Rung.FAILED
    return _Rung.NOW


def _count_failure(error: Exception) -> None:
    FAILURES.inc()
    log.warning("doorbell_failed", error=type(error).__name__)


def answered() -> bool:
    """Say that a worker has come, and return whether Redis has heard. One that stands in for the workers does not."""
    return _tell(lambda redis: redis.incr(_ANSWERS_KEY))


def hold() -> bool:
    """For as long as an unanswered ring counts nobody need ring: somebody looks. Return whether Redis has heard."""
    return _tell(lambda redis: redis.set(_RUNG_KEY, b"1", px=RUNG_FOR_MS))


def release() -> bool:
    """Whatever is accepted from here on is rung for again. Return whether Redis has heard."""
    return _tell(lambda redis: redis.delete(_RUNG_KEY))


def answers() -> int | None:
    """Return how often a worker has come since Redis was last empty, or None where Redis cannot tell."""
    try:
        return int(_connection().get(_ANSWERS_KEY) or 0)
    except (RedisError, OSError):
        return None


def silence_s() -> float:
    """Return for how many seconds a bell may go unheard while the workers are well.

    None is busy with one ring for longer than its task may run, and then it hears the next.
    """
    seconds: float = settings.TIME_LIMITS.task_hard
    return seconds


def _tell(say: Callable[[Redis], object]) -> bool:
    try:
        say(_connection())
    except (RedisError, OSError):
        log.debug("doorbell_not_told")  # what it knows runs out by itself
        return False
    return True


def _current_ringer() -> _Ringer:
    global _ringer
    if _ringer is None or _ringer.pid != os.getpid():
        with _lock:
            if _ringer is None or _ringer.pid != os.getpid():
                _ringer = _Ringer()
    return _ringer


def _connection() -> Redis:
    global _redis
    if _redis is None or _redis[0] != os.getpid():
        _redis = (
            os.getpid(),
            Redis.from_url(settings.REDIS_URL, socket_timeout=_BUDGET_S, socket_connect_timeout=_BUDGET_S),
        )
    return _redis[1]
