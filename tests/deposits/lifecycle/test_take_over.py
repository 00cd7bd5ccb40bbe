"""What a dead process of this machine held is taken over at once; what the living or another host hold is not."""

from __future__ import annotations

import os

import pytest

from deposits import leases, transitions
from deposits.actions.take_over import take_over_from_the_dead
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


def held_by(owner: str) -> Deposit:
    deposit = accepted("504")
    while batch := transitions.claim(20, owner, {"sandbox-mobile": 60}):
        if any(one.id == deposit.pk for one in batch):
            break
    return deposit


def test_what_the_dead_held_is_due_at_once_and_asked_about() -> None:
    deposit = held_by(somebody_dead())
    assert take_over_from_the_dead(CARRIERS) >= 1
    claimed = [one for one in transitions.claim(20, "other", {"sandbox-mobile": 60}) if one.id == deposit.pk]
    assert [(one.state, one.step) for one in claimed] == [(State.UNKNOWN, Deposit.Next.INQUIRE)]


@pytest.mark.parametrize("owner", [leases.owner(), "another-host:0a1b2c3d:1", "4194303", "worker"])
def test_what_may_be_held_by_the_living_is_left_to_its_lease(owner: str) -> None:
    deposit = held_by(owner)
    take_over_from_the_dead(CARRIERS)
    assert not Deposit.objects.due(CARRIERS).filter(pk=deposit.pk).exists()


def test_a_name_says_on_which_machine_and_in_which_namespace_its_number_counts() -> None:
    assert leases.owner() == f"{leases.here()}{os.getpid()}"
    assert len(leases.owner()) <= 80
