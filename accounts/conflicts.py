"""Transactions that the database has undone because of another one: run again, as a whole, a few times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import structlog
from django.db import OperationalError, connection

log = structlog.get_logger("accounts.conflicts")

P = ParamSpec("P")
T = TypeVar("T")

#: SQLSTATE of a lock that was not to be had in time.
LOCK_NOT_AVAILABLE: Final = "55P03"
#: SQLSTATEs with which PostgreSQL has undone all of a transaction: serialisation failure, deadlock.
CONFLICTS: Final = frozenset({"40001", "40P01"})
#: Runs in all. Whoever meets a deadlock three times in a row meets a fault, not bad luck.
MOST_RUNS: Final = 3
_PAUSE_S: Final = 0.05


def sqlstate_of(error: BaseException) -> str | None:
    """Return what PostgreSQL said with one of Django's database errors; None where it said nothing."""
    sqlstate: str | None = getattr(error.__cause__, "sqlstate", None)
    return sqlstate


def again_on_conflict(transaction: Callable[P, T]) -> Callable[P, T]:
    """Make a function that is one whole transaction run again after a deadlock, `MOST_RUNS` times in all.

    Inside a transaction of the caller's it runs once: that one is undone, and only the caller can run it again.
    """

    @wraps(transaction)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        for left in reversed(range(MOST_RUNS)):
            try:
                return transaction(*args, **kwargs)
            except OperationalError as error:
                sqlstate = sqlstate_of(error)
                if sqlstate not in CONFLICTS or not left or connection.in_atomic_block:
                    raise
                log.warning("transaction_repeated", what=transaction.__name__, sqlstate=sqlstate, left=left)
            # Who waits equally long meets again.
            time.sleep(_PAUSE_S * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError("the last run returns or raises")

    return repeated
