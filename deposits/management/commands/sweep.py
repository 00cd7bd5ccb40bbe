"""`manage.py sweep`: the sweeper. Four times a second it looks for due rows and rings; all else it does each second.

Where nobody can hear the bell (Redis is away) or nobody answers it (workers that live and take nothing), it does the
work itself until they are back.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection

from accounts import audit
from accounts.protections import ages
from carriers import registry
from deposits import breakers, doorbell, leases, player_texts, rules, stopping
from deposits.actions import cases
from deposits.actions.drain import drain
from deposits.actions.give_up import give_up_unsent, review_unclaimed
from deposits.actions.notify import match_waiting
from deposits.actions.refunds import keep_up as refunds
from deposits.actions.reroute import reroute_waiting
from deposits.actions.set_aside import set_aside_poison
from deposits.actions.take_over import take_over_from_the_dead
from deposits.crash_points import reach
from deposits.models import Deposit, Refund
from deposits.reconciliation.reconcile import close_finished_days

log = structlog.get_logger("deposits.sweep")

#: A ring that was lost, and a worker that died, hold up what is due for no longer than this.
_LOOK_EVERY_S = 0.25


class Command(BaseCommand):
    help = "Find due deposits, ring the workers, keep up with deadlines. Any number of these may run."
    # Django's own would import all pages and the API, and nothing here needs them; ours were made (manage.py).
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=1.0, help="seconds between two sweeps (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        stop, known = threading.Event(), False

        def told_to_stop(*_: Any) -> None:
            stopping.ask()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, told_to_stop)
        log.info("sweeper_started", owner=leases.owner())
        watch = Watch()
        # A daemon, so that a sweeper that dies of something else does not live on as half of one.
        texts = threading.Thread(target=send_texts, args=(stop, options["every"]), name="texts", daemon=True)
        texts.start()
        sweep_at = time.monotonic()
        while not stop.is_set():
            try:
                if not known:
                    breakers.make_known(registry.registry().profiles)
                    known = True
                if time.monotonic() < sweep_at:
                    look(watch)
                else:
                    sweep_at = time.monotonic() + options["every"]
                    sweep(watch)
            except (OperationalError, InterfaceError) as error:
                log.warning("database_unavailable", error=type(error).__name__)
                connection.close()
            stop.wait(min(_LOOK_EVERY_S, options["every"]))
        texts.join()
        log.info("sweeper_stopped")


def send_texts(stop: threading.Event, every_s: float) -> None:
    """Send the texts that are owed, until told to stop: beside the looks, for a slow service is not to hold them up."""
    while not stop.is_set():
        try:
            player_texts.send_owed()
        except (OperationalError, InterfaceError) as error:
            log.warning("database_unavailable", error=type(error).__name__)
            connection.close()
        except Exception:
            # That text is lost; the others are not.
            log.exception("text_failed")
        stop.wait(every_s)
    connection.close()


class Watch:
    """Notices that the bell is rung and no worker comes."""

    def __init__(self) -> None:
        self._answers: int | None = None
        self._rung_since: float | None = None
        self._nobody_comes = False

    def is_unanswered(self) -> bool:
        """Whether this ring, and all before it for longer than healthy workers ever take, went unheard."""
        now, answers = time.monotonic(), doorbell.answers()
        if self._rung_since is None or answers is None or answers != self._answers:
            self._rung_since, self._answers = now, answers
        self._nobody_comes = now - self._rung_since > doorbell.silence_s()
        return self._nobody_comes

    def nothing_is_due(self) -> None:
        """No ring, so no silence either; but who was missed is missed until somebody comes."""
        if not self._nobody_comes:
            self._rung_since = None


def look(watch: Watch) -> None:
    """Free what the dead hold, and ring for what is due."""
    carriers = list(registry.registry().profiles)
    take_over_from_the_dead(carriers)
    _ring_for_due(carriers, watch)


def sweep(watch: Watch) -> None:
    """Look once: find other routes, ring for due rows, and keep up with deadlines, cases and the audit trail."""
    carriers = list(registry.registry().profiles)
    set_aside_poison()
    take_over_from_the_dead(carriers)
    reroute_waiting()
    _ring_for_due(carriers, watch)
    give_up_unsent()
    review_unclaimed()
    match_waiting()
    cases.keep_up()
    refunds.keep_up()
    close_finished_days()
    ages.keep_up(rules.minimum_age)
    audit.seal()


def _ring_for_due(carriers: Sequence[str], watch: Watch) -> None:
    """Ring where something is due, and do the work where that cannot be heard or nobody comes."""
    if Deposit.objects.due(carriers).exists() or Refund.objects.due(carriers).exists():
        reach("sweeper.before_ring")
        if not doorbell.ring_now():
            drain()
        elif watch.is_unanswered():
            log.error("no_worker_answers", silent_for_more_than_s=doorbell.silence_s())
            drain()
        reach("sweeper.after_ring")
    else:
        watch.nothing_is_due()
