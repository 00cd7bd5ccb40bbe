"""Leases that nobody works on any more end at once, so that a crash costs a moment and not a lease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from deposits import leases
from deposits.models import Deposit, Refund
from deposits.states import State

log = structlog.get_logger("deposits.take_over")

#: With more claims than this that came to nothing, a row is claimed alone (sql/claim.sql): it is suspected.
_INNOCENT = 2


def take_over_from_the_dead(carriers: Sequence[str]) -> int:
    """Make due what processes of this machine held when they died; return how many deposits and refunds.

    `carriers`: codes of those that are looked at. For the sweeper of each host; a host that is gone altogether leaves
    its leases to run out.
    """
    deposits = _take_over(_held(Deposit.objects.exclude(state=State.RECEIVED), carriers), "deposits")
    return deposits + _take_over(_held(Refund.objects.all(), carriers), "refunds")


def let_go(owner: str, carriers: Sequence[str]) -> int:
    """Make due what `owner` holds and does not work on any more; return how many deposits and refunds.

    For a process that outlives its work: nobody takes it for dead. What has come to nothing more than `_INNOCENT`
    times keeps its lease: it may be what ended the work, and is to be tried less and less often. Raises Django's
    database errors.
    """
    freed = 0
    for held in (_held(Deposit.objects.all(), carriers), _held(Refund.objects.all(), carriers)):
        mine = held.filter(lease_owner=owner, fruitless__lte=_INNOCENT)
        freed += mine.update(next_action_at=Now())
    if freed:
        log.warning("let_go", worker=owner, freed=freed)
    return freed


def _take_over(held: QuerySet[Any], what: str) -> int:
    ours = held.filter(lease_owner__startswith=leases.here())
    dead = [name for name in ours.values_list("lease_owner", flat=True).distinct() if leases.is_dead(name)]
    if not dead:
        return 0
    taken = held.filter(lease_owner__in=dead).update(next_action_at=Now())
    log.warning("worker_lost", workers=dead, **{what: taken})
    return taken


def _held(rows: QuerySet[Any], carriers: Sequence[str]) -> QuerySet[Any]:
    """What is under a lease: the end of it is the next action, so that an index finds it."""
    lease = timedelta(seconds=settings.TIME_LIMITS.lease)
    return rows.filter(carrier__in=carriers, next_action_at__gt=Now(), next_action_at__lte=Now() + lease)
