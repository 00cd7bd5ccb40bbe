"""`manage.py sweep`: the sweeper. Each second it looks for due rows and rings; without Redis it does the work."""

from __future__ import annotations

import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection

from accounts import audit
from deposits import doorbell, transitions
from deposits.actions import cases
from deposits.actions.drain import drain
from deposits.actions.give_up import give_up_unsent
from deposits.actions.notify import match_waiting
from deposits.actions.set_aside import set_aside_poison
from deposits.crash_points import reach
from deposits.models import Deposit
from deposits.reconciliation.reconcile import close_finished_days

log = structlog.get_logger("deposits.sweep")


class Command(BaseCommand):
    help = "Find due deposits each second and ring the workers. Any number of these may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        log.info("sweeper_started", owner=transitions.worker_name())
        while not stop.is_set():
            try:
                sweep()
            except (OperationalError, InterfaceError) as error:
                log.warning("database_unavailable", error=type(error).__name__)
                connection.close()
            stop.wait(options["every"])
        log.info("sweeper_stopped")


def sweep() -> None:
    """Look once: set poison aside, ring for due rows, and keep up with deadlines, cases and the audit trail."""
    set_aside_poison()
    if Deposit.objects.due().exists():
        reach("sweeper.before_ring")
        if not doorbell.ring_now():
            drain()
        reach("sweeper.after_ring")
    give_up_unsent()
    match_waiting()
    cases.keep_up()
    close_finished_days()
    audit.seal()
