"""The sweeper rings for refunds that nobody rang for, and ends the leases of the dead."""

from __future__ import annotations

import pytest

from deposits import refund_transitions
from deposits.actions.take_over import take_over_from_the_dead
from deposits.management.commands import sweep as sweeping
from deposits.models import Refund
from deposits.refund_states import State
from tests.deposits.lifecycle.test_sweep import Hall
from tests.deposits.lifecycle.test_sweep import hall as hall
from tests.deposits.lifecycle.test_take_over import CARRIERS, somebody_dead
from tests.refunds.conftest import Returning, ask

ROOMS = {"sandbox-mobile": 60}


@pytest.fixture
def refund(returning: Returning) -> Refund:
    """A refund that is due, and the only thing that is."""
    return ask(returning.credited(), 500)


def test_a_refund_that_nobody_rang_for_is_rung_for(refund: Refund, hall: Hall) -> None:
    sweeping.sweep(sweeping.Watch())
    assert hall.rings == 1
    (claimed,) = refund_transitions.claim(20, "worker-1", ROOMS)
    assert claimed.id == refund.pk
    sweeping.sweep(sweeping.Watch())
    assert hall.rings == 1, "a worker holds it"


def test_what_the_dead_held_is_due_at_once_and_asked_about(refund: Refund) -> None:
    refund_transitions.claim(20, somebody_dead(), ROOMS)
    assert take_over_from_the_dead(CARRIERS) == 1
    (claimed,) = refund_transitions.claim(20, "worker-1", ROOMS)
    assert (claimed.id, claimed.state, claimed.step, claimed.in_doubt) == (
        refund.pk,
        State.UNKNOWN,
        "inquire",
        True,
    )


def test_the_sweeper_keeps_up_with_refunds(refund: Refund, hall: Hall) -> None:
    type(refund.deposit).objects.filter(pk=refund.deposit_id).update(reversed_at=refund.created_at)
    sweeping.sweep(sweeping.Watch())
    refund.refresh_from_db()
    assert refund.state == State.FAILED
