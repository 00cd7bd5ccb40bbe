"""What a dead process of this machine held is taken over at once; what the living or another host hold is not."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection

from deposits import leases, transitions
from deposits.actions import drain as draining
from deposits.actions.take_over import let_go, take_over_from_the_dead
from deposits.models import Deposit
from deposits.states import State
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")

CARRIERS = ["sandbox-mobile"]


def somebody_dead() -> str:
    """The name of a process of this machine that has ended."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return f"{leases.here()}{child}"


@contextmanager
def zombie() -> Iterator[str]:
    """The name of a process of this machine that has ended, and whose parent has not looked yet."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    try:
        yield f"{leases.here()}{child}"
    finally:
        os.waitpid(child, 0)


def held_by(owner: str) -> Deposit:
    deposit = accepted("504")
    while batch := transitions.claim(20, owner, {"sandbox-mobile": 60}):
        if any(one.id == deposit.pk for one in batch):
            break
    return deposit


def is_due(deposit: Deposit) -> bool:
    return Deposit.objects.due(CARRIERS).filter(pk=deposit.pk).exists()


def test_what_the_dead_held_is_due_at_once_and_asked_about() -> None:
    deposit = held_by(somebody_dead())
    assert take_over_from_the_dead(CARRIERS) >= 1
    claimed = [one for one in transitions.claim(20, "other", {"sandbox-mobile": 60}) if one.id == deposit.pk]
    assert [(one.state, one.step) for one in claimed] == [(State.UNKNOWN, Deposit.Next.INQUIRE)]


def test_a_dead_worker_whose_parent_has_not_looked_yet_is_dead() -> None:
    with zombie() as owner:
        deposit = held_by(owner)
        take_over_from_the_dead(CARRIERS)
    assert is_due(deposit)


def test_who_works_on_nothing_any_more_lets_go_of_what_is_not_suspected() -> None:
    me = f"another-host:{uuid.uuid4().hex}"
    innocent, suspected, others = held_by(me), held_by(me), held_by("another-host:0a1b2c3d:1")
    Deposit.objects.filter(pk=suspected.pk).update(fruitless=3)
    assert let_go(me, CARRIERS) >= 1
    assert [is_due(deposit) for deposit in (innocent, suspected, others)] == [True, False, False]


def test_a_worker_that_loses_the_database_in_the_middle_lets_go_of_what_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deposit = accepted("505")

    def cut(*_: object) -> None:
        connection.connection.close()
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(draining, "record", cut)
    with pytest.raises(OperationalError):
        draining.drain()
    deposit.refresh_from_db()
    assert (deposit.state, is_due(deposit)) == (State.SUBMITTING, True)
    assert [
        one.state for one in transitions.claim(20, "other", {"sandbox-mobile": 60}) if one.id == deposit.pk
    ]


@pytest.mark.parametrize("owner", [leases.owner(), "another-host:0a1b2c3d:1", "4194303", "worker"])
def test_what_may_be_held_by_the_living_is_left_to_its_lease(owner: str) -> None:
    deposit = held_by(owner)
    take_over_from_the_dead(CARRIERS)
    assert not is_due(deposit)


def test_a_name_says_on_which_machine_and_in_which_namespace_its_number_counts() -> None:
    assert leases.owner() == f"{leases.here()}{os.getpid()}"
    assert len(leases.owner()) <= 80
