"""`manage.py sweep`: the sweeper. Each second it looks for due rows and rings; without Redis it does the work."""

from __future__ import annotations

import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection

from accounts import audit
from carriers import registry
from deposits import breakers, doorbell, stopping, transitions
from deposits.actions.drain import drain
from deposits.actions.give_up import give_up_unsent
from deposits.actions.reroute import reroute_waiting
from deposits.crash_points import reach
from deposits.models import Deposit

log = structlog.get_logger("deposits.sweep")


class Command(BaseCommand):
    help = "Find due deposits each second and ring the workers. Any number of these may run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        stop, known = threading.Event(), False

        def told_to_stop(*_: Any) -> None:
            stopping.ask()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, told_to_stop)
        log.info("sweeper_started", owner=transitions.worker_name())
        while not stop.is_set():
            try:
                if not known:
                    breakers.make_known(registry.registry().profiles)
                    known = True
                sweep()
            except (OperationalError, InterfaceError) as error:
                log.warning("database_unavailable", error=type(error).__name__)
                connection.close()
            stop.wait(options["every"])
        log.info("sweeper_stopped")


def sweep() -> None:
    """Look once: find other routes, ring for due rows, give up what could never be sent, seal the audit trail."""
    reroute_waiting()
    if Deposit.objects.due(list(registry.registry().profiles)).exists():
        reach("sweeper.before_ring")
        if not doorbell.ring_now():
            drain()
        reach("sweeper.after_ring")
    give_up_unsent()
    audit.seal()
