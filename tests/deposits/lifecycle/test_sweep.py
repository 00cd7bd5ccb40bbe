"""The sweeper rings for what nobody rang for, and works where nobody comes."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
from django.conf import settings

from deposits import doorbell, leases
from deposits.management.commands import sweep as sweeping
from deposits.models import Deposit, Refund
from tests.deposits.lifecycle.test_claim_and_record import claim
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")


class Hall:
    """What the sweeper hears and does, instead of Redis and carriers."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.rings = self.drains = self.answers = 0
        self.can_hear = True
        self.now = 1_000.0
        patch.setattr(doorbell, "ring", lambda: None)
        patch.setattr(doorbell, "ring_now", self._ring)
        patch.setattr(doorbell, "answers", lambda: self.answers)
        patch.setattr(sweeping, "drain", self._drain)
        patch.setattr(sweeping, "time", SimpleNamespace(monotonic=lambda: self.now))

    def _ring(self) -> bool:
        self.rings += 1
        return self.can_hear

    def _drain(self) -> None:
        self.drains += 1


@pytest.fixture(autouse=True)
def _nothing_else_is_due(committed: None) -> None:
    """What earlier tests left behind never falls due: the leases of their workers end in the middle of these tests.

    Not part of the hall, which those who sweep for refunds enter when theirs is due already.
    """
    for kind in (Deposit, Refund):
        kind.objects.filter(next_action_at__isnull=False).update(next_action_at=None)


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Hall:
    return Hall(monkeypatch)


def test_what_nobody_rang_for_is_rung_for(hall: Hall) -> None:
    deposit = accepted("420")
    sweeping.sweep(sweeping.Watch())
    assert (hall.rings, hall.drains) == (1, 0)
    claim(deposit)
    sweeping.sweep(sweeping.Watch())
    assert hall.rings == 1, "a worker holds it"


def test_without_anybody_to_hear_it_does_the_work(hall: Hall) -> None:
    deposit = accepted("421")
    hall.can_hear = False
    sweeping.sweep(sweeping.Watch())
    assert hall.drains == 1
    claim(deposit)


def test_f21_it_works_where_nobody_comes_until_somebody_does(hall: Hall) -> None:
    deposit = accepted("422")
    watch = sweeping.Watch()
    sweeping.sweep(watch)
    hall.now += settings.TIME_LIMITS.task_hard - 0.1
    sweeping.sweep(watch)
    assert hall.drains == 0, "a worker may be as busy as this"
    hall.now += 0.2
    sweeping.sweep(watch)
    assert hall.drains == 1
    claim(deposit)
    sweeping.sweep(watch)  # nothing is due
    second = accepted("423")
    sweeping.sweep(watch)
    assert hall.drains == 2, "nobody has come since"
    hall.answers += 1
    sweeping.sweep(watch)
    assert hall.drains == 2
    claim(second)


def test_between_two_sweeps_a_look_rings_again_and_frees_what_the_dead_hold(hall: Hall) -> None:
    deposit = accepted("424")
    watch = sweeping.Watch()
    sweeping.look(watch)
    sweeping.look(watch)
    assert hall.rings == 2, "the first ring may have been lost"
    ended = subprocess.Popen(["true"])
    ended.wait()
    claim(deposit, owner=f"{leases.here()}{ended.pid}")
    sweeping.look(watch)
    assert hall.rings == 3, "its worker is dead"
    claim(deposit)
    sweeping.look(watch)
    assert hall.rings == 3
