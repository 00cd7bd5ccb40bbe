"""Without script a tap's answer is held until there is something to tell, so that no reload is needed."""

from __future__ import annotations

import threading
import time
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from deposits.models import Deposit
from deposits.presentation import status
from deposits.states import State

#: Between two looks at the row; each costs a fraction of a millisecond.
_LOOK_EVERY_S = 0.15

_held = threading.BoundedSemaphore(settings.HELD_POSTS_PER_PROCESS)


def hold(deposit_id: UUID) -> None:
    """Return once the deposit is no longer being worked on, after 8 s, or at once when enough requests are held."""
    if not _held.acquire(blocking=False):
        return
    try:
        _watch(deposit_id, time.monotonic() + settings.HELD_POST_S)
    finally:
        _held.release()


def _watch(deposit_id: UUID, ends_at: float) -> None:
    while time.monotonic() < ends_at:
        try:
            deposit = Deposit.objects.only("state", "next_step").get(pk=deposit_id)
        except DatabaseError:
            return  # what was accepted stays accepted: the page that follows tells the rest
        if not is_worked_on(deposit):
            return
        time.sleep(_LOOK_EVERY_S)


def is_worked_on(deposit: Deposit) -> bool:
    """Whether the next news about the deposit comes from a worker, and soon."""
    if deposit.state == State.ACTION_REQUIRED:
        return deposit.next_step == Deposit.Next.CONFIRM
    return status(deposit) == "processing" and deposit.state != State.REVIEW
