"""The Celery tasks. Each is a doorbell: it carries nothing, and what there is to do stands in the rows."""

from __future__ import annotations

from celery import shared_task

from deposits import doorbell
from deposits.actions.drain import drain as work_through


@shared_task(name=doorbell.DRAIN_TASK, queue=doorbell.QUEUE)
def drain() -> None:
    """Claim, call and record until nothing is due."""
    doorbell.answered()
    work_through()
