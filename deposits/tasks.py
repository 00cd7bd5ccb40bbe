"""The Celery tasks. Each is a doorbell: it carries nothing, and what there is to do stands in the rows."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.db import InterfaceError, OperationalError, connection

from deposits import doorbell
from deposits.actions.drain import drain as work_through
from deposits.attendance import Attendance

log = structlog.get_logger("deposits.tasks")


@shared_task(name=doorbell.DRAIN_TASK, queue=doorbell.QUEUE)
def drain() -> None:
    """Claim, call and record until nothing is due.

    When the database is away the leases run out and the sweeper rings again, so this ends quietly.
    """
    Attendance().come()
    try:
        work_through()
    except (OperationalError, InterfaceError) as error:
        log.warning("database_unavailable", error=type(error).__name__, detail=str(error).partition("\n")[0])
        # The child keeps its connection from task to task: a dead one would make it deaf for ever.
        connection.close()
